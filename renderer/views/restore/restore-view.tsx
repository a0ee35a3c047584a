import { IconChevronRight } from '@tabler/icons-react';
import { useCallback, useMemo } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { BackupView } from '../../../shared/contract/engine/backups.ts';
import { ErrorLine } from '../../components/error-line.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { PageHead } from '../../components/page-head.tsx';
import { State } from '../../components/state.tsx';
import { Time } from '../../components/time.tsx';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { pageSize } from '../common/pager.tsx';
import { useQueryState } from '../common/use-query-state.ts';
import { RestoreForm } from './restore-form.tsx';

const none: readonly BackupView[] = [];
const idOf = (backup: BackupView) => String(backup.id);
const tones = { trusted: 'copied', suspicious: 'suspect', notVerified: 'idle' } as const;

function useColumns(): GridColumn<BackupView>[] {
  const { t, format } = useText();
  return useMemo(
    (): GridColumn<BackupView>[] => [
      {
        id: 'created',
        head: t('backup.created'),
        width: 130,
        priority: 0,
        value: (row) => row.createdAt,
        cell: (row) => <Time at={row.createdAt} zone={row.zone} />,
      },
      {
        id: 'proof',
        head: t('backup.proof'),
        width: 140,
        grow: 1,
        priority: 1,
        value: (row) => row.verification,
        cell: (row) =>
          row.state === 'missing' ? (
            <State tone="failed">{t('backup.missing')}</State>
          ) : (
            <State tone={tones[row.verification]}>{t(`verification.${row.verification}`)}</State>
          ),
      },
      {
        id: 'id',
        head: 'ID',
        width: 72,
        priority: 2,
        value: (row) => row.id,
        cell: (row) => <span className="mono">{row.id}</span>,
      },
      {
        id: 'size',
        head: t('backup.size'),
        width: 92,
        align: 'right',
        priority: 1,
        value: (row) => row.sizeBytes,
        cell: (row) => <span className="tn">{format.bytes(row.sizeBytes)}</span>,
      },
    ],
    [t, format],
  );
}

/** The point of the address: by number, or the newest one of a VM. */
function usePoint() {
  const { id } = useParams();
  const object = useQueryState().get('object');
  const isNewest = id === 'newest';
  const newest = useEngine('backups.list', { object: object || '0', limit: 1 }, { skip: !isNewest });
  const backup = isNewest ? newest.data?.rows[0]?.id.toString() : id;
  const options = useEngine('backups.restoreOptions', { backup: backup ?? '0' }, { skip: backup === undefined });
  const isGone = isNewest && newest.data?.rows.length === 0;
  return { options: options.data, error: newest.error ?? options.error, isGone };
}

function Points({ chosen }: { readonly chosen: BackupView }) {
  const { t } = useText();
  const navigate = useNavigate();
  const query = useQueryState();
  const object = chosen.objectId === null ? chosen.objectUuid : String(chosen.objectId);
  const { data, isLoading } = useEngine('backups.list', { object, limit: pageSize });
  const open = useCallback(
    (backup: BackupView) => void navigate(`/restore/${backup.id}`, { replace: true }),
    [navigate],
  );
  const rows = data?.rows ?? none;
  return (
    <div className="main">
      <DataGrid
        label={t('repository.points')}
        rows={rows}
        columns={useColumns()}
        idOf={idOf}
        nameOf={idOf}
        sort={query.get('sort') || '-created'}
        onSort={(sort) => query.set({ sort })}
        selectedId={idOf(chosen)}
        onSelect={open}
        isLoading={isLoading}
        empty={null}
      />
      <div className="tf">
        <span className="tn">{t('repository.pointCount', { count: data?.total ?? 0 })}</span>
      </div>
    </div>
  );
}

/** Restoring one VM: its points left, where it goes right. */
export function RestoreView() {
  const { t } = useText();
  const navigate = useNavigate();
  const { options, error, isGone } = usePoint();
  const back = options === undefined ? '/repository' : `/repository?point=${options.backup.id}`;
  return (
    <>
      <PageHead
        line
        title={
          <span className="row" style={{ gap: 8 }}>
            <Link to={back} className="t2" style={{ fontSize: 13, fontWeight: 400 }}>
              {t('place.repository')}
            </Link>
            <IconChevronRight className="ic sm t3" aria-hidden />
            <span className="el">{options?.backup.object ?? t('restore.verb')}</span>
          </span>
        }
      />
      {error !== undefined && options === undefined && (
        <div className="sec">
          <ErrorLine error={error} />
        </div>
      )}
      {isGone && (
        <div className="sec">
          <ErrorLine error={{ code: 'backupMissing', message: t('objects.noBackup') }} />
        </div>
      )}
      {options !== undefined && (
        <div className="cols">
          <Points chosen={options.backup} />
          <RestoreForm key={options.backup.id} options={options} onCancel={() => void navigate(back)} />
        </div>
      )}
    </>
  );
}
