import { IconClockExclamation, IconSnowflake } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { Chip, LineChip } from '../../components/state.tsx';
import { Age } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';
import { severityOf, sizeOf } from '../common/object-state.ts';
import { ObjectStateCell } from '../common/object-state-cell.tsx';

/** A row that no client could confirm. */
export function StaleChip() {
  const { t } = useText();
  return (
    <LineChip icon={IconClockExclamation} title={t('objects.staleTip')}>
      {t('objects.stale')}
    </LineChip>
  );
}

/** A guest that a backup of ours left frozen. */
export function FrozenChip({ since }: { readonly since: number }) {
  const { t, format } = useText();
  return (
    <Chip tone="failed" icon={IconSnowflake} title={t('objects.frozenTip', { time: format.fullTime(since) })}>
      {t('objects.frozen')}
    </Chip>
  );
}

function useFactColumns(): GridColumn<ObjectView>[] {
  const { t, format } = useText();
  return useMemo(
    (): GridColumn<ObjectView>[] => [
      {
        id: 'lastBackupAt',
        head: t('objects.lastPoint'),
        width: 88,
        align: 'right',
        priority: 1,
        value: (row) => row.lastBackupAt,
        cell: (row) =>
          row.lastBackupAt === null ? (
            <span className="t3">{t('common.never')}</span>
          ) : (
            <span className="t2">
              <Age at={row.lastBackupAt} />
            </span>
          ),
      },
      {
        id: 'size',
        head: t('objects.size'),
        width: 84,
        align: 'right',
        priority: 2,
        value: sizeOf,
        cell: (row) => (
          <span className="t2 tn" title={format.exactBytes(sizeOf(row))}>
            {format.bytes(sizeOf(row))}
          </span>
        ),
      },
      {
        id: 'platform',
        head: t('objects.platform'),
        width: 130,
        grow: 1,
        priority: 3,
        value: (row) => row.platform,
        cell: (row) => <span className="t2">{row.platform}</span>,
      },
      {
        id: 'rules',
        head: t('objects.rule'),
        width: 140,
        grow: 1,
        priority: 5,
        value: (row) => row.rules[0]?.name ?? null,
        cell: (row) =>
          row.rules.length === 0 ? (
            <span className="t3">{t('common.none')}</span>
          ) : (
            <span className="t2">{row.rules.map(({ name }) => name).join(', ')}</span>
          ),
      },
      {
        id: 'backups',
        head: t('objects.points'),
        width: 72,
        align: 'right',
        priority: 6,
        value: (row) => row.backupCount,
        cell: (row) => <span className="t2 tn">{format.count(row.backupCount)}</span>,
      },
      {
        id: 'guestAgent',
        head: t('objects.guestAgent'),
        width: 116,
        priority: 7,
        value: (row) => row.guestAgent,
        cell: (row) => (
          <span className={row.guestAgent === 'none' ? 't3' : 't2'}>{t(`guestAgent.${row.guestAgent}`)}</span>
        ),
      },
      {
        id: 'power',
        head: t('objects.power'),
        width: 96,
        priority: 8,
        value: (row) => row.state,
        cell: (row) => <span className="t2">{t(`vmState.${row.state}`)}</span>,
      },
    ],
    [t, format],
  );
}

/** Columns of the VMs, most important first. */
export function useObjectColumns(): GridColumn<ObjectView>[] {
  const { t } = useText();
  const facts = useFactColumns();
  return useMemo(
    (): GridColumn<ObjectView>[] => [
      {
        id: 'name',
        head: t('objects.name'),
        width: 170,
        grow: 2,
        priority: 0,
        value: (row) => row.name,
        cell: (row) => (
          <span className="row" style={{ gap: 6, height: 27 }}>
            <span className="el" title={row.name}>
              {row.name}
            </span>
            {row.stale && <StaleChip />}
            {row.frozenSince !== null && <FrozenChip since={row.frozenSince} />}
          </span>
        ),
      },
      {
        id: 'state',
        head: t('objects.state'),
        width: 150,
        priority: 0,
        value: severityOf,
        cell: (row) => <ObjectStateCell object={row} />,
      },
      ...facts,
    ],
    [t, facts],
  );
}
