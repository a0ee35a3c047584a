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

/** Actions that need no object. Page heads, empty states, menus and the palette show the same ones. */
export function useGlobalActions(): GlobalActions {
  const { t } = useText();
  const go = useGo();
  const signOutAction = useSignOut();
  const allowed = useAllowed();
  const run = useRun();
  return useMemo(() => {
    return {
      newRule: {
        id: 'rules.add',
        label: t('action.newRule'),
        icon: IconPlus,
        disabled: allowed('rules.add'),
        run: go('/schedule?rule=new'),
      },
      addPlatform: {
        id: 'platforms.add',
        label: t('action.addPlatform'),
        icon: IconPlugConnected,
        disabled: allowed('platforms.add'),
        run: go('/objects?form=platform'),
      },
      addPool: {
        id: 'pools.add',
        label: t('action.addPool'),
        icon: IconPlus,
        disabled: allowed('pools.add'),
        run: go('/administration/pools?form=pool'),
      },
      howToAddClient: {
        id: 'clients.howTo',
        label: t('action.howToAddClient'),
        icon: IconTerminal2,
        run: go('/administration/clients?form=client'),
      },
      addSshClient: {
        id: 'clients.addSsh',
        label: t('action.addSshClient'),
        icon: IconPlus,
        disabled: allowed('clients.addSsh'),
        run: go('/administration/clients?form=ssh'),
      },
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
  }, [t, go, signOutAction, allowed, run]);
}
