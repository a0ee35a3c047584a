import { Select } from '@mantine/core';
import { IconFileText } from '@tabler/icons-react';
import { useCallback, useMemo, useState } from 'react';
import { type LogEntry, logLevels } from '../../../shared/contract/engine/logs.ts';
import { isErrorCode } from '../../../shared/errors.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorBlock } from '../../components/error-block.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { FilterChip } from '../../components/filter-chip.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import { ExportMenu } from '../../components/grid/export-menu.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SearchField } from '../../components/search-field.tsx';
import { toggled } from '../../components/toggled.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { offsetOf, Pager, pageSize } from '../common/pager.tsx';
import { type QueryState, useQueryState } from '../common/use-query-state.ts';
import { useLogColumns } from './log-columns.tsx';

const noEntries: readonly LogEntry[] = [];
const idOf = (entry: LogEntry) => String(entry.id);

function useLog(query: QueryState) {
  const [asked, client, task, text] = [query.get('level'), query.get('client'), query.get('task'), query.get('q')];
  const level = logLevels.filter((one) => one === asked);
  return useEngine('logs.list', {
    limit: pageSize,
    offset: offsetOf(query),
    ...(level.length === 0 ? {} : { level }),
    ...(client === '' ? {} : { client }),
    ...(task === '' ? {} : { task }),
    ...(text === '' ? {} : { text }),
  });
}

function Entry({ entry }: { readonly entry: LogEntry }) {
  const { format } = useText();
  const { code } = entry;
  const where = [entry.source, entry.client, format.fullTime(entry.at)].filter((part) => part !== null).join(', ');
  return (
    <div style={{ padding: '8px 16px 12px 40px' }}>
      {code !== null && isErrorCode(code) && entry.level === 'error' ? (
        <ErrorBlock error={{ code, message: entry.message }} where={where} />
      ) : (
        <>
          <p className="wrap text">{entry.message}</p>
          <p className="s12 t3">{where}</p>
        </>
      )}
    </div>
  );
}

function Filters({ query, rows }: { readonly query: QueryState; readonly rows: readonly LogEntry[] }) {
  const { t } = useText();
  const columns = useLogColumns();
  const clients = useEngine('clients.list', {}).data?.rows ?? [];
  const search = useCallback((q: string) => query.set({ q, offset: null }), [query]);
  const task = query.get('task');
  return (
    <div className="tb">
      <SearchField label={t('log.search')} value={query.get('q')} onChange={search} />
      <Select
        aria-label={t('log.level')}
        placeholder={t('log.anyLevel')}
        w={150}
        clearable
        clearButtonProps={{ 'aria-label': t('common.clear') }}
        data={logLevels.map((level) => ({ value: level, label: t(`logLevel.${level}`) }))}
        value={query.get('level') || null}
        onChange={(level) => query.set({ level, offset: null })}
      />
      <Select
        aria-label={t('rule.client')}
        placeholder={t('log.anyClient')}
        w={170}
        clearable
        searchable
        clearButtonProps={{ 'aria-label': t('common.clear') }}
        data={clients.map(({ id, name }) => ({ value: String(id), label: name }))}
        value={query.get('client') || null}
        onChange={(client) => query.set({ client, offset: null })}
      />
      {task !== '' && (
        <FilterChip field={t('filter.task')} value={task} onClear={() => query.set({ task: null, offset: null })} />
      )}
      <span className="sp" />
      <ExportMenu name="log" rows={rows} columns={columns} />
    </div>
  );
}

/** What the engine, the agents and the tasks have to say, newest first. */
export function LogsView() {
  const { t } = useText();
  const query = useQueryState();
  const { data, error, isLoading } = useLog(query);
  const rows = data?.rows ?? noEntries;
  const columns = useLogColumns();
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const detail = useMemo(
    () => ({
      isOpen: (entry: LogEntry) => open.has(entry.id),
      toggle: (entry: LogEntry) => setOpen((before) => toggled(before, entry.id)),
      render: (entry: LogEntry) => <Entry entry={entry} />,
    }),
    [open],
  );
  return (
    <>
      <PageHead title={t('place.logs')} line />
      <Filters query={query} rows={rows} />
      {error !== undefined && data === undefined && (
        <div className="sec">
          <ErrorLine error={error} />
        </div>
      )}
      <DataGrid
        label={t('place.logs')}
        rows={rows}
        columns={columns}
        idOf={idOf}
        nameOf={(row) => row.message}
        sort={query.get('sort') || '-at'}
        onSort={(sort) => query.set({ sort })}
        detail={detail}
        isLoading={isLoading}
        empty={
          <EmptyState icon={IconFileText} title={t('log.empty')}>
            {t('log.emptyWhy')}
          </EmptyState>
        }
      />
      <div className="tf">{data !== undefined && <Pager query={query} shown={rows.length} total={data.total} />}</div>
    </>
  );
}
