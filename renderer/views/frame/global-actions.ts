import { IconLogout, IconPlugConnected, IconPlus, IconRefresh, IconTerminal2, IconEyeCheck } from '@tabler/icons-react';
import { useCallback, useMemo } from 'react';
import { useNavigate } from 'react-router';
import type { Action } from '../../components/action.ts';
import { signOut } from '../../store/session.ts';
import { useAppDispatch } from '../../store/store.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useAllowed } from '../common/use-allowed.ts';
import { useRun } from '../common/use-run.ts';

export interface GlobalActions {
  readonly newRule: Action;
  readonly addGroup: Action;
  readonly addPlatform: Action;
  readonly addPool: Action;
  readonly howToAddClient: Action;
  readonly addSshClient: Action;
  readonly refreshObjects: Action;
  readonly markAllSeen: Action;
  readonly account: readonly Action[];
}

/** Makes what opens a place. */
function useGo(): (to: string) => () => void {
  const navigate = useNavigate();
  return useCallback((to: string) => () => void navigate(to), [navigate]);
}

function useSignOut(): Action {
  const { t } = useText();
  const dispatch = useAppDispatch();
  const { fail } = useDialogs();
  return useMemo(() => {
    const leave = async () => {
      const outcome = await dispatch(signOut());
      if (!outcome.ok) fail({ title: t('frame.signOut'), error: outcome.error });
    };
    return { id: 'signOut', label: t('frame.signOut'), icon: IconLogout, run: () => void leave() };
  }, [t, dispatch, fail]);
}

/** Actions that open a form. */
function useAdding() {
  const { t } = useText();
  const go = useGo();
  const allowed = useAllowed();
  return useMemo(() => {
    const add = (
      id: 'rules.add' | 'groups.add' | 'platforms.add' | 'pools.add' | 'clients.addSsh',
      label: string,
      to: string,
      icon = IconPlus,
    ): Action => ({ id, label, icon, disabled: allowed(id), run: go(to) });
    return {
      newRule: add('rules.add', t('action.newRule'), '/schedule?rule=new'),
      addGroup: add('groups.add', t('action.addGroup'), '/administration/groups?form=group'),
      addPlatform: add('platforms.add', t('action.addPlatform'), '/objects?form=platform', IconPlugConnected),
      addPool: add('pools.add', t('action.addPool'), '/administration/pools?form=pool'),
      howToAddClient: {
        id: 'clients.howTo',
        label: t('action.howToAddClient'),
        icon: IconTerminal2,
        run: go('/administration/clients?form=client'),
      },
      addSshClient: add('clients.addSsh', t('action.addSshClient'), '/administration/clients?form=ssh'),
    };
  }, [t, go, allowed]);
}

/** Actions that need no object. Page heads, empty states, menus and the palette show the same ones. */
export function useGlobalActions(): GlobalActions {
  const { t } = useText();
  const adding = useAdding();
  const signOutAction = useSignOut();
  const allowed = useAllowed();
  const run = useRun();
  return useMemo(() => {
    return {
      ...adding,
      refreshObjects: {
        id: 'objects.refresh',
        label: t('action.refreshObjects'),
        icon: IconRefresh,
        disabled: allowed('objects.refresh'),
        run: () => void run(t('action.refreshObjects'), 'objects.refresh', {}),
      },
      markAllSeen: {
        id: 'tasks.markAllSeen',
        label: t('action.markAllSeen'),
        icon: IconEyeCheck,
        disabled: allowed('tasks.markSeen'),
        run: () => void run(t('action.markAllSeen'), 'tasks.markSeen', {}),
      },
      account: [signOutAction],
    };
  }, [t, adding, signOutAction, allowed, run]);
}
