import { IconCalendarTime } from '@tabler/icons-react';
import { useCallback, useMemo, useState } from 'react';
import type { RuleView } from '../../../shared/contract/engine/rules.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import { ExportMenu } from '../../components/grid/export-menu.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SearchField } from '../../components/search-field.tsx';
import { toggled } from '../../components/toggled.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useRuleActions } from '../common/rule-actions.ts';
import { type QueryState, useQueryState } from '../common/use-query-state.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { useRuleColumns } from './rule-columns.tsx';
import { RuleForm } from './rule-form.tsx';
import { RuleMembers } from './rule-members.tsx';

const noRules: readonly RuleView[] = [];
const idOf = (rule: RuleView) => String(rule.id);

/** Rules that are opened, by number. */
function useOpenRules() {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const isOpen = useCallback((rule: RuleView) => open.has(rule.id), [open]);
  const toggle = useCallback((rule: RuleView) => setOpen((before) => toggled(before, rule.id)), []);
  return { isOpen, toggle };
}

function RuleList({ query }: { readonly query: QueryState }) {
  const { t } = useText();
  const { data, error, isLoading } = useEngine('rules.list', {});
  const all = data?.rows ?? noRules;
  const words = query.get('q').toLowerCase();
  const rows = all.filter((rule) =>
    [rule.name, rule.pool, ...rule.members.map(({ name }) => name)].some((text) => text.toLowerCase().includes(words)),
  );
  const { isOpen, toggle } = useOpenRules();
  const columns = useRuleColumns(isOpen);
  const actions = useRuleActions();
  const { newRule } = useGlobalActions();
  const detail = useMemo(
    () => ({ isOpen, toggle, render: (rule: RuleView) => <RuleMembers rule={rule} /> }),
    [isOpen, toggle],
  );
  const search = useCallback((q: string) => query.set({ q }), [query]);
  return (
    <div className="main">
      <div className="tb">
        <SearchField label={t('rule.search')} value={query.get('q')} onChange={search} />
        <span className="sp" />
        <ExportMenu name="rules" rows={rows} columns={columns} />
      </div>
      {error !== undefined && data === undefined && (
        <div className="sec">
          <ErrorLine error={error} />
        </div>
      )}
      <DataGrid
        label={t('place.schedule')}
        rows={rows}
        columns={columns}
        idOf={idOf}
        nameOf={(row) => row.name}
        sort={query.get('sort') || 'name'}
        onSort={(sort) => query.set({ sort })}
        selectedId={query.get('rule') || undefined}
        actions={actions}
        detail={detail}
        twoLine
        isLoading={isLoading}
        empty={
          all.length > 0 ? (
            <EmptyState
              title={t('rule.noMatch')}
              action={
                <button type="button" className="btn sm" onClick={() => query.set({ q: null })}>
                  {t('common.clearFilters')}
                </button>
              }
            >
              {t('rule.noMatchWhy')}
            </EmptyState>
          ) : (
            <EmptyState icon={IconCalendarTime} title={t('rule.empty')} action={<ActionButton action={newRule} />}>
              {t('rule.emptyWhy')}
            </EmptyState>
          )
        }
      />
      <div className="tf">
        <span className="tn">{t('rule.ruleCount', { count: rows.length })}</span>
        <span className="tn">
          {t('rule.caught', {
            count: new Set(all.flatMap((rule) => rule.members.map(({ objectId }) => objectId))).size,
          })}
        </span>
        <span className="sp" />
        <span className="t3">{t('rule.foot')}</span>
      </div>
    </div>
  );
}

/** All rules, and the form of one beside them. */
export function ScheduleView() {
  const { t } = useText();
  const query = useQueryState();
  const { newRule } = useGlobalActions();
  const rules = useEngine('rules.list', {}).data?.rows ?? noRules;
  const asked = query.get('rule');
  const rule = rules.find(({ id }) => String(id) === asked);
  const defaults = {
    platform: query.get('platform') || null,
    objects: query.get('objects').split(',').filter(Boolean),
  };
  return (
    <>
      <PageHead title={t('place.schedule')} line>
        <ActionButton action={newRule} primary={asked === ''} />
      </PageHead>
      <div className="cols">
        <RuleList query={query} />
        {(asked === 'new' || rule !== undefined) && (
          <RuleForm
            key={asked}
            rule={rule}
            defaults={defaults}
            onClose={() => query.set({ rule: null, platform: null, objects: null })}
          />
        )}
      </div>
    </>
  );
}
