import { useMemo } from 'react';
import type { PlatformView } from '../../../shared/contract/engine/platforms.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { Age } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';
import { PlatformState } from './platform-state.tsx';
import { clientsColumn, nameColumn } from './record-columns.tsx';

/** Columns of the list of platforms. */
export function usePlatformColumns(): GridColumn<PlatformView>[] {
  const { t, format } = useText();
  return useMemo(
    (): GridColumn<PlatformView>[] => [
      nameColumn(t('platform.name'), 160),
      {
        id: 'kind',
        head: t('platform.kind'),
        width: 140,
        priority: 2,
        value: (row) => row.kind,
        cell: (row) => <span className="t2">{t(`platformKind.${row.kind}`)}</span>,
      },
      {
        id: 'state',
        head: t('objects.state'),
        width: 150,
        priority: 0,
        value: (row) => row.lastError,
        cell: (row) => <PlatformState platform={row} />,
      },
      clientsColumn(t('platform.clients'), 3),
      {
        id: 'objects',
        head: t('rule.vms'),
        width: 84,
        align: 'right',
        priority: 1,
        value: (row) => row.objectCount,
        cell: (row) => <span className="tn">{format.count(row.objectCount)}</span>,
      },
      {
        id: 'inventoryAt',
        head: t('platform.inventory'),
        width: 110,
        align: 'right',
        priority: 4,
        value: (row) => row.inventoryAt,
        cell: (row) =>
          row.inventoryAt === null ? (
            <span className="t3">{t('common.never')}</span>
          ) : (
            <span className="t2">
              <Age at={row.inventoryAt} />
            </span>
          ),
      },
    ],
    [t, format],
  );
}
