import { useMemo } from 'react';
import { Link } from 'react-router';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { useText } from '../../text/use-text.ts';
import { clientsColumn, nameColumn } from './record-columns.tsx';

function Size({ bytes }: { readonly bytes: number | null }) {
  const { t, format } = useText();
  if (bytes === null) return <span className="t3">{t('common.unknown')}</span>;
  return (
    <span className="tn" title={format.exactBytes(bytes)}>
      {format.bytes(bytes)}
    </span>
  );
}

/** Columns of the list of pools. */
export function usePoolColumns(): GridColumn<PoolView>[] {
  const { t, format } = useText();
  return useMemo(
    (): GridColumn<PoolView>[] => [
      nameColumn(t('pool.name'), 140),
      {
        id: 'kind',
        head: t('pool.kind'),
        width: 96,
        priority: 5,
        value: (row) => row.kind,
        cell: (row) => <span className="t2">{t(`poolKind.${row.kind}`)}</span>,
      },
      {
        id: 'path',
        head: t('pool.path'),
        width: 180,
        grow: 2,
        priority: 2,
        value: (row) => row.path,
        cell: (row) => (
          <span className="mono" title={row.path}>
            {row.path}
          </span>
        ),
      },
      clientsColumn(t('pool.clients'), 4),
      {
        id: 'backups',
        head: t('objects.points'),
        width: 76,
        align: 'right',
        priority: 3,
        value: (row) => row.backupCount,
        cell: (row) => (
          <Link className="tn" to={`/repository?pool=${row.id}`}>
            {format.count(row.backupCount)}
          </Link>
        ),
      },
      {
        id: 'stored',
        head: t('backup.stored'),
        width: 92,
        align: 'right',
        priority: 1,
        value: (row) => row.storedBytes,
        cell: (row) => <Size bytes={row.storedBytes} />,
      },
      {
        id: 'free',
        head: t('pool.free'),
        width: 92,
        align: 'right',
        priority: 0,
        value: (row) => row.freeBytes,
        cell: (row) => <Size bytes={row.freeBytes} />,
      },
    ],
    [t, format],
  );
}
