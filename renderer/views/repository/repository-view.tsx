import { IconChevronRight, IconDatabase } from '@tabler/icons-react';
import { useCallback, useMemo, useState } from 'react';
import type { BackupView } from '../../../shared/contract/engine/backups.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { FilterChip } from '../../components/filter-chip.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import { ExportMenu } from '../../components/grid/export-menu.tsx';
import type { GridGroups } from '../../components/grid/grid-types.ts';
import { PageHead } from '../../components/page-head.tsx';
import { Age } from '../../components/time.tsx';
import { toggled } from '../../components/toggled.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useBackupActions } from '../common/backup-actions.ts';
import { offsetOf, Pager, pageSize } from '../common/pager.tsx';
import { type QueryState, useQueryState } from '../common/use-query-state.ts';
import { PointPanel } from './point-panel.tsx';
import { usePointColumns } from './point-columns.tsx';
import { PoolPane } from './pool-pane.tsx';

const noBackups: readonly BackupView[] = [];
const idOf = (backup: BackupView) => String(backup.id);
const stripPoints = 24;

function Strip({ rows }: { readonly rows: readonly BackupView[] }) {
  const newest = rows.toSorted((a, b) => a.createdAt - b.createdAt).slice(-stripPoints);
  const kind = ({ state, verification }: BackupView) =>
    state === 'missing' ? 'f' : verification === 'suspicious' ? 's' : '';
  return (
    <span className="strip" aria-hidden>
      {newest.map((backup) => (
        <i key={backup.id} className={kind(backup)} />
      ))}
    </span>
  );
}

/** One line per VM: its newest point, how many there are, the last ones as a strip; opened, its points. */
function useVmGroups(): GridGroups<BackupView> {
  const { t, format } = useText();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  return useMemo(
    () => ({
      keyOf: (row) => row.objectUuid,
      label: (_key, rows) => rows[0]?.object,
      isOpen: (key) => !closed.has(key),
      toggle: (key) => setClosed((before) => toggled(before, key)),
      cells: (_key, rows, isOpen) => ({
        vm: (
          <span className="row" style={{ gap: 5, height: 31 }}>
            <IconChevronRight className={`ic xs t3 turn ${isOpen ? 'turned' : ''}`} aria-hidden />
            <span className="b5 el" title={rows[0]?.objectUuid}>
              {rows[0]?.object}
            </span>
          </span>
        ),
        created: (
          <span className="t2">
            <Age at={Math.max(...rows.map((row) => row.createdAt))} />
          </span>
        ),
        type: <span className="t2 tn">{t('repository.pointCount', { count: rows.length })}</span>,
        consistency: <span className="t3">{rows[0]?.platform}</span>,
        proof: <Strip rows={rows} />,
        stored: <span className="b5 tn">{format.bytes(rows.reduce((sum, row) => sum + row.storedBytes, 0))}</span>,
      }),
    }),
    [t, format, closed],
  );
}

function usePoints(query: QueryState) {
  const pool = query.get('pool');
  const object = query.get('object');
  return useEngine('backups.list', {
    limit: pageSize,
    offset: offsetOf(query),
    ...(pool === '' ? {} : { pool }),
    ...(object === '' ? {} : { object }),
  });
}

function PointList({ query }: { readonly query: QueryState }) {
  const { t, format } = useText();
  const { data, error, isLoading } = usePoints(query);
  const rows = data?.rows ?? noBackups;
  const columns = usePointColumns();
  const groups = useVmGroups();
  const actions = useBackupActions();
  const open = useCallback((backup: BackupView) => query.set({ point: backup.id }), [query]);
  const object = query.get('object');
  return (
    <div className="main">
      <div className="tb">
        {object !== '' && (
          <FilterChip
            field={t('filter.vm')}
            value={rows[0]?.object ?? object}
            onClear={() => query.set({ object: null, offset: null })}
          />
        )}
        <span className="s12 t3">{t('repository.note')}</span>
        <span className="sp" />
        <ExportMenu name="points" rows={rows} columns={columns} />
      </div>
      {error !== undefined && data === undefined && (
        <div className="sec">
          <ErrorLine error={error} />
        </div>
      )}
      <DataGrid
        label={t('repository.points')}
        rows={rows}
        columns={columns}
        idOf={idOf}
        nameOf={(row) => `${row.object}, ${t('backup.point')} ${row.id}`}
        sort={query.get('sort') || '-created'}
        onSort={(sort) => query.set({ sort })}
        selectedId={query.get('point') || undefined}
        onSelect={open}
        followFocus
        actions={actions}
        groups={groups}
        isLoading={isLoading}
        empty={
          <EmptyState icon={IconDatabase} title={t('repository.empty')}>
            {t('repository.emptyWhy')}
          </EmptyState>
        }
      />
      <div className="tf">
        {data !== undefined && <Pager query={query} shown={rows.length} total={data.total} />}
        <span className="tn">
          {t('pool.stored', { size: format.bytes(rows.reduce((sum, row) => sum + row.storedBytes, 0)) })}
        </span>
      </div>
    </div>
  );
}

/** Pools, their points by VM, and one point beside them. */
export function RepositoryView() {
  const { t } = useText();
  const query = useQueryState();
  const { data } = usePoints(query);
  const selected = data?.rows.find((backup) => backup.id === query.getId('point'));
  return (
    <>
      <PageHead
        title={t('place.repository')}
        line
        facts={
          data !== undefined && (
            <span className="t3 tn" style={{ marginLeft: 4 }}>
              {t('repository.pointCount', { count: data.total })}
            </span>
          )
        }
      />
      <div className="cols">
        <PoolPane query={query} />
        <PointList query={query} />
        {selected !== undefined && <PointPanel backup={selected} onClose={() => query.set({ point: null })} />}
      </div>
    </>
  );
}
