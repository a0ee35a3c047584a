import { useMemo } from 'react';
import type { BackupView } from '../../../shared/contract/engine/backups.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { LineChip } from '../../components/state.tsx';
import { Time } from '../../components/time.tsx';
import type { Language } from '../../text/languages.ts';
import { useText } from '../../text/use-text.ts';
import { ProofChips } from './proof-chips.tsx';

/** The line of a chain: a square is a point read in full. It shows how a point was read, never what a restore needs. */
function Lane() {
  return (
    <svg className="lane" viewBox="0 0 26 27" aria-hidden="true">
      <path d="M13 0V27" />
      <rect x="9" y="9.5" width="8" height="8" rx="1" />
    </svg>
  );
}

/** Room for two chips with the longest words of the language, px. */
const proofWidths: Record<Language, number> = { en: 192, ru: 232, zh: 168 };

function useFactColumns(): GridColumn<BackupView>[] {
  const { t, format, language } = useText();
  return useMemo(
    (): GridColumn<BackupView>[] => [
      {
        id: 'consistency',
        head: t('backup.consistency'),
        width: 112,
        priority: 4,
        value: (row) => row.consistency,
        cell: (row) => <span className="t2">{t(`consistency.${row.consistency}`)}</span>,
      },
      {
        id: 'proof',
        head: t('backup.proof'),
        width: proofWidths[language],
        grow: 1,
        priority: 1,
        value: (row) => row.verification,
        cell: (row) => <ProofChips backup={row} />,
      },
      {
        id: 'size',
        head: t('backup.size'),
        width: 88,
        align: 'right',
        priority: 3,
        value: (row) => row.sizeBytes,
        cell: (row) => (
          <span className="t2 tn" title={format.exactBytes(row.sizeBytes)}>
            {format.bytes(row.sizeBytes)}
          </span>
        ),
      },
      {
        id: 'stored',
        head: t('backup.stored'),
        width: 88,
        align: 'right',
        priority: 2,
        value: (row) => row.storedBytes,
        cell: (row) => (
          <span className="tn" title={format.exactBytes(row.storedBytes)}>
            {format.bytes(row.storedBytes)}
          </span>
        ),
      },
      {
        id: 'uuid',
        head: 'UUID',
        width: 280,
        priority: 8,
        value: (row) => row.uuid,
        cell: (row) => <span className="mono t2">{row.uuid}</span>,
      },
    ],
    [t, format, language],
  );
}

/** Columns of the points. */
export function usePointColumns(): GridColumn<BackupView>[] {
  const { t } = useText();
  const facts = useFactColumns();
  return useMemo(
    (): GridColumn<BackupView>[] => [
      {
        id: 'vm',
        head: t('backup.vm'),
        width: 116,
        grow: 1,
        priority: 0,
        value: (row) => row.object,
        cell: (row) => (
          <>
            <Lane />
            <span className="vh">{row.object}</span>
          </>
        ),
      },
      {
        id: 'id',
        head: 'ID',
        width: 60,
        priority: 0,
        value: (row) => row.id,
        cell: (row) => <span className="mono">{row.id}</span>,
      },
      {
        id: 'refId',
        head: t('backup.refId'),
        width: 68,
        priority: 6,
        value: (row) => row.refId,
        cell: (row) =>
          row.refId === null ? <span className="t3">–</span> : <span className="mono t2">{row.refId}</span>,
      },
      {
        id: 'created',
        head: t('backup.created'),
        width: 128,
        priority: 0,
        value: (row) => row.createdAt,
        cell: (row) => <Time at={row.createdAt} zone={row.zone} />,
      },
      {
        id: 'type',
        head: t('backup.type'),
        width: 96,
        priority: 5,
        value: (row) => row.type,
        cell: (row) => <LineChip>{t(`backupType.${row.type}`)}</LineChip>,
      },
      ...facts,
    ],
    [t, facts],
  );
}
