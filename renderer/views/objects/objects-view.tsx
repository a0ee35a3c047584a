import { IconPlugConnected, IconRefresh } from '@tabler/icons-react';
import { useCallback, useState } from 'react';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { FilterChip } from '../../components/filter-chip.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import { ExportMenu } from '../../components/grid/export-menu.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SearchField } from '../../components/search-field.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useObjectActions } from '../common/object-actions.ts';
import { sizeOf } from '../common/object-state.ts';
import { useAllowed } from '../common/use-allowed.ts';
import { type QueryState, useQueryState } from '../common/use-query-state.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { PlatformForm } from '../administration/platform-form.tsx';
import { ClientPane } from './client-pane.tsx';
import { FirstStart, isFirstStart, useFirstSteps } from './first-start.tsx';
import { useObjectColumns } from './object-columns.tsx';
import { ObjectPanel } from './object-panel.tsx';
import { useObjects, useRefreshOnOpen } from './use-objects.ts';

const idOf = (object: ObjectView) => String(object.id);

function Toolbar({ query, rows }: { readonly query: QueryState; readonly rows: readonly ObjectView[] }) {
  const { t } = useText();
  const columns = useObjectColumns();
  const refresh = useCommand('objects.refresh');
  const disabled = useAllowed()('objects.refresh');
  const client = useEngine('clients.list', {}).data?.rows.find(({ id }) => id === query.getId('client'));
  const search = useCallback((q: string) => query.set({ q }), [query]);
  const action = {
    id: 'refresh',
    label: t('action.refresh'),
    icon: IconRefresh,
    disabled,
    run: () => void refresh.run({}),
  };
  return (
    <div className="tb">
      <SearchField label={t('objects.search')} value={query.get('q')} onChange={search} />
      {client !== undefined && (
        <FilterChip field={t('filter.client')} value={client.name} onClear={() => query.set({ client: null })} />
      )}
      <span className="sp" />
      <ActionButton action={action} small quiet>
        {refresh.isRunning ? t('objects.asking') : action.label}
      </ActionButton>
      <ExportMenu name="objects" rows={rows} columns={columns} />
    </div>
  );
}

function NoObjects({ query, isFiltered }: { readonly query: QueryState; readonly isFiltered: boolean }) {
  const { t } = useText();
  const { addPlatform } = useGlobalActions();
  if (isFiltered) {
    return (
      <EmptyState
        title={t('objects.noMatch')}
        action={
          <button type="button" className="btn sm" onClick={() => query.set({ q: null, client: null })}>
            {t('common.clearFilters')}
          </button>
        }
      >
        {t('objects.noMatchWhy')}
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={IconPlugConnected} title={t('objects.empty')} action={<ActionButton action={addPlatform} />}>
      {t('objects.emptyWhy')}
    </EmptyState>
  );
}

function ObjectList({ query }: { readonly query: QueryState }) {
  const { t, format } = useText();
  const { rows, all, isLoading, error } = useObjects(query);
  const columns = useObjectColumns();
  const actions = useObjectActions();
  const [hidden, setHidden] = useState(0);
  const open = useCallback((object: ObjectView) => query.set({ vm: object.id, form: null }), [query]);
  const selected = query.getId('vm');
  return (
    <div className="main">
      <Toolbar query={query} rows={rows} />
      {error !== undefined && all.length === 0 && (
        <div className="sec">
          <ErrorLine error={error} />
        </div>
      )}
      <DataGrid
        label={t('objects.vms')}
        rows={rows}
        columns={columns}
        idOf={idOf}
        nameOf={(row) => row.name}
        sort={query.get('sort') || 'name'}
        onSort={(sort) => query.set({ sort })}
        selectedId={selected === undefined ? undefined : String(selected)}
        onSelect={open}
        followFocus
        actions={actions}
        rowClass={(row) => (row.stale || row.vanished ? 'dim' : '')}
        isLoading={isLoading}
        empty={<NoObjects query={query} isFiltered={all.length > 0} />}
        onHidden={setHidden}
      />
      <div className="tf">
        <span className="tn">{t('rule.vmCount', { count: rows.length })}</span>
        <span className="tn">{format.bytes(rows.reduce((sum, row) => sum + sizeOf(row), 0))}</span>
        {hidden > 0 && <span className="t3">{t('common.hiddenColumns', { count: hidden })}</span>}
        <span className="sp" />
        <span className="t3">{t('objects.foot')}</span>
      </div>
    </div>
  );
}

/** Clients, their VMs, and one VM beside them. */
export function ObjectsView() {
  const { t } = useText();
  const query = useQueryState();
  const { newRule, addPlatform } = useGlobalActions();
  const { all } = useObjects(query);
  const steps = useFirstSteps();
  useRefreshOnOpen();
  const selected = all.find((object) => object.id === query.getId('vm'));
  const isFirst = isFirstStart(steps) && all.length === 0;
  return (
    <>
      <PageHead title={t('place.objects')} line>
        {!isFirst && <ActionButton action={addPlatform} />}
        {!isFirst && <ActionButton action={newRule} primary={query.get('form') === ''} />}
      </PageHead>
      <div className="cols">
        {isFirst && steps !== undefined ? (
          <div className="main">
            <FirstStart steps={steps} />
          </div>
        ) : (
          <>
            <ClientPane query={query} />
            <ObjectList query={query} />
          </>
        )}
        {query.get('form') === 'platform' ? (
          <PlatformForm onClose={() => query.set({ form: null })} />
        ) : (
          selected !== undefined && <ObjectPanel object={selected} query={query} />
        )}
      </div>
    </>
  );
}
