import { IconPencil, IconTrash, IconUserCheck } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { ClientView } from '../../../shared/contract/engine/clients.ts';
import type { Action } from '../../components/action.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useAllowed } from '../common/use-allowed.ts';
import { useTry } from '../common/use-run.ts';

/** What removing a client means: what it serves and what goes on with it. */
function useConsequences() {
  const { t, format } = useText();
  const platforms = useEngine('platforms.list', {}).data?.rows;
  const pools = useEngine('pools.list', {}).data?.rows;
  return useCallback(
    (client: ClientView) => {
      const serves = <T extends { name: string; clients: readonly { id: number }[] }>(rows: readonly T[] = []) =>
        rows.filter((row) => row.clients.some(({ id }) => id === client.id)).map(({ name }) => name);
      const list = (names: string[]) =>
        names.length === 0 ? t('common.none') : `${format.count(names.length)}: ${names.slice(0, 5).join(', ')}`;
      return [
        ['HWID', client.hwid],
        [t('place.platforms'), list(serves(platforms))],
        [t('place.pools'), list(serves(pools))],
        [t('confirm.points'), t('confirm.removeClient.points')],
        [t('confirm.back'), t('confirm.removeClient.back')],
      ] as const;
    },
    [t, format, platforms, pools],
  );
}

/** What can be done with a client. */
export function useClientActions(): (client: ClientView) => Action[] {
  const { t } = useText();
  const navigate = useNavigate();
  const allowed = useAllowed();
  const attempt = useTry();
  const { ask } = useDialogs();
  const consequences = useConsequences();
  return useCallback(
    (client: ClientView): Action[] => {
      const show = client.state === 'removed' ? 'removed' : client.authorized ? 'clients' : 'unauthorized';
      const open = () => void navigate(`/administration/clients?show=${show}&client=${client.id}`);
      const authorize: Action = {
        id: 'clients.authorize',
        label: t('action.authorize'),
        icon: IconUserCheck,
        shortcut: 'a',
        disabled: allowed('clients.authorize'),
        run: open,
      };
      const edit: Action = {
        id: 'clients.edit',
        label: t('action.edit'),
        icon: IconPencil,
        shortcut: 'e',
        disabled: allowed('clients.edit'),
        run: open,
      };
      const remove: Action = {
        id: 'clients.remove',
        label: t(client.authorized ? 'action.remove' : 'action.refuse'),
        icon: IconTrash,
        shortcut: 'Del',
        danger: true,
        startsGroup: true,
        disabled: client.local ? t('reason.localClient') : allowed('clients.remove'),
        run: () =>
          ask({
            title: t('confirm.removeClient.title', { name: client.name }),
            text: t(client.authorized ? 'confirm.removeClient.text' : 'confirm.removeClient.refuseText'),
            facts: consequences(client),
            verb: t(client.authorized ? 'confirm.removeClient.verb' : 'confirm.removeClient.refuseVerb'),
            confirm: () => attempt('clients.remove', { client: String(client.id) }),
          }),
      };
      if (client.state === 'removed') return [{ ...authorize, label: t('action.bringBack') }];
      return client.authorized ? [edit, remove] : [authorize, remove];
    },
    [t, navigate, allowed, attempt, ask, consequences],
  );
}
