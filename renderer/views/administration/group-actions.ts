import { IconPencil, IconTrash } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { GroupView } from '../../../shared/contract/engine/groups.ts';
import { noGroupId } from '../../../shared/model/group.ts';
import type { Action } from '../../components/action.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useAllowed } from '../common/use-allowed.ts';
import { useTry } from '../common/use-run.ts';

const shown = 3;

/** Why a group stays; undefined = it may go. */
function useHolders(): (group: GroupView) => string | undefined {
  const { t } = useText();
  return useCallback(
    ({ id, clients, pools }: GroupView) => {
      const listed = (names: readonly string[]) =>
        names.length > shown ? `${names.slice(0, shown).join(', ')}, …` : names.join(', ');
      if (id === noGroupId) return t('reason.noGroup');
      if (clients.length > 0) return t('reason.groupHasClients', { clients: listed(clients.map(({ name }) => name)) });
      return pools.length > 0 ? t('reason.groupHasPools', { pools: listed(pools) }) : undefined;
    },
    [t],
  );
}

/** What can be done with a client group. */
export function useGroupActions(): (group: GroupView) => Action[] {
  const { t } = useText();
  const navigate = useNavigate();
  const allowed = useAllowed();
  const attempt = useTry();
  const { ask } = useDialogs();
  const holders = useHolders();
  return useCallback(
    (group: GroupView): Action[] => [
      {
        id: 'groups.edit',
        label: t('action.edit'),
        icon: IconPencil,
        shortcut: 'e',
        disabled: allowed('groups.edit'),
        run: () => void navigate(`/administration/groups?group=${group.id}&form=edit`),
      },
      {
        id: 'groups.remove',
        startsGroup: true,
        label: t('action.remove'),
        icon: IconTrash,
        shortcut: 'Del',
        danger: true,
        disabled: holders(group) ?? allowed('groups.remove'),
        run: () =>
          ask({
            title: t('confirm.removeGroup.title', { name: group.name }),
            facts: [
              [t('group.clients'), t('common.none')],
              [t('confirm.points'), t('confirm.removeGroup.points')],
            ],
            verb: t('confirm.removeGroup.verb'),
            confirm: () => attempt('groups.remove', { group: String(group.id) }),
          }),
      },
    ],
    [t, navigate, allowed, attempt, ask, holders],
  );
}
