import { useMemo } from 'react';
import type { GroupView } from '../../../shared/contract/engine/groups.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { useText } from '../../text/use-text.ts';
import { clientsColumn, nameColumn } from './record-columns.tsx';

/** Columns of the list of client groups. */
export function useGroupColumns(): GridColumn<GroupView>[] {
  const { t } = useText();
  return useMemo(
    (): GridColumn<GroupView>[] => [
      {
        id: 'id',
        head: t('group.number'),
        width: 64,
        align: 'right',
        priority: 3,
        value: (row) => row.id,
        cell: (row) => <span className="t3 tn">{row.id}</span>,
      },
      nameColumn(t('group.name'), 150),
      clientsColumn(t('group.clients'), 0),
      {
        id: 'pools',
        head: t('group.pools'),
        width: 120,
        priority: 2,
        cell: (row) => <span className="t2">{row.pools.join(', ')}</span>,
      },
      {
        id: 'description',
        head: t('group.description'),
        width: 180,
        grow: 2,
        priority: 1,
        value: (row) => row.description,
        cell: (row) => (
          <span className="t2" title={row.description}>
            {row.description}
          </span>
        ),
      },
    ],
    [t],
  );
}
