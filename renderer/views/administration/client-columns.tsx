import { useMemo } from 'react';
import type { ClientView } from '../../../shared/contract/engine/clients.ts';
import { noGroupId } from '../../../shared/model/group.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { State } from '../../components/state.tsx';
import { Age } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';
import { clientLook } from '../common/client-state.ts';

/** Columns of the clients. */
export function useClientColumns(): GridColumn<ClientView>[] {
  const { t } = useText();
  return useMemo(
    (): GridColumn<ClientView>[] => [
      {
        id: 'name',
        head: t('client.name'),
        width: 150,
        grow: 1,
        priority: 0,
        value: (row) => row.name,
        cell: (row) => (
          <span className="b5" title={row.name}>
            {row.name}
          </span>
        ),
      },
      {
        id: 'state',
        head: t('objects.state'),
        width: 140,
        priority: 0,
        value: (row) => row.state,
        cell: (row) => (
          <State {...clientLook(row.state)} title={row.lastError ?? undefined}>
            {t(`clientState.${row.state}`)}
          </State>
        ),
      },
      {
        id: 'hwid',
        head: 'HWID',
        width: 170,
        priority: 1,
        value: (row) => row.hwid,
        cell: (row) => (
          <span className="mono" title={row.hwid}>
            {row.hwid}
          </span>
        ),
      },
      {
        id: 'group',
        head: t('client.group'),
        width: 120,
        priority: 3,
        value: (row) => (row.groupId === noGroupId ? '' : row.group),
        cell: (row) =>
          row.groupId === noGroupId ? (
            <span className="t3">{t('group.none')}</span>
          ) : (
            <span className="t2" title={row.group}>
              {row.group}
            </span>
          ),
      },
      {
        id: 'description',
        head: t('client.description'),
        width: 150,
        grow: 2,
        priority: 4,
        value: (row) => row.description,
        cell: (row) => (
          <span className="t2" title={row.description}>
            {row.description}
          </span>
        ),
      },
      {
        id: 'address',
        head: t('client.address'),
        width: 120,
        priority: 3,
        value: (row) => row.address,
        cell: (row) => (
          <span className="mono t2" title={row.address}>
            {row.address}
          </span>
        ),
      },
      {
        id: 'version',
        head: t('client.version'),
        width: 76,
        priority: 6,
        value: (row) => row.version,
        cell: (row) => <span className="t2">{row.version}</span>,
      },
      {
        id: 'seen',
        head: t('client.lastSeen'),
        width: 100,
        align: 'right',
        priority: 2,
        value: (row) => row.lastSeenAt ?? row.firstSeenAt,
        cell: (row) => (
          <span className="t2">
            <Age at={row.lastSeenAt ?? row.firstSeenAt} />
          </span>
        ),
      },
    ],
    [t],
  );
}
