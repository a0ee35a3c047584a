import { IconChevronRight } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { RuleView } from '../../../shared/contract/engine/rules.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { Age } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';
import { RuleStateCell } from './rule-state.tsx';

/** When the newest run of any member ended, epoch ms; null when none did. */
export function lastEndOf(rule: RuleView): number | null {
  const ends = rule.members.map(({ lastEndedAt }) => lastEndedAt).filter((at) => at !== null);
  return ends.length === 0 ? null : Math.max(...ends);
}

/** Columns of the rules, in two lines, so that the list survives beside the form. */
export function useRuleColumns(isOpen: (rule: RuleView) => boolean): GridColumn<RuleView>[] {
  const { t } = useText();
  return useMemo(
    (): GridColumn<RuleView>[] => [
      {
        id: 'name',
        head: t('rule.rule'),
        width: 220,
        grow: 2,
        priority: 0,
        value: (row) => row.name,
        cell: (row) => (
          <span style={{ display: 'grid', gridTemplateColumns: '16px minmax(0, 1fr)', gap: '0 8px' }}>
            <IconChevronRight
              className={`ic sm t3 turn ${isOpen(row) ? 'turned' : ''}`}
              aria-hidden
              style={{ marginTop: 2 }}
            />
            <span className="b5 el" title={row.name}>
              {row.name}
            </span>
            <span className="s12 t3 el" style={{ gridColumn: 2 }}>
              {t(`backupType.${row.type}`)}, {row.platform}
            </span>
          </span>
        ),
      },
      {
        id: 'state',
        head: t('objects.state'),
        width: 170,
        grow: 1,
        priority: 0,
        cell: (row) => (
          <>
            <RuleStateCell rule={row} />
            <div className="s12 t3">
              {t('rule.vmCount', { count: row.members.length })}, R-{row.id}
            </div>
          </>
        ),
      },
      {
        id: 'pool',
        head: t('rule.pool'),
        width: 120,
        grow: 1,
        priority: 2,
        value: (row) => row.pool,
        cell: (row) => <span className="t2 el">{row.pool}</span>,
      },
      {
        id: 'client',
        head: t('rule.client'),
        width: 120,
        grow: 1,
        priority: 4,
        value: (row) => row.client,
        cell: (row) =>
          row.client === null ? (
            <span className="t3 el">{t('rule.anyClient')}</span>
          ) : (
            <span className="t2 el">{row.client}</span>
          ),
      },
      {
        id: 'last',
        head: t('rule.lastEnd'),
        width: 100,
        align: 'right',
        priority: 1,
        value: lastEndOf,
        cell: (row) => {
          const at = lastEndOf(row);
          return at === null ? (
            <span className="t3">{t('common.never')}</span>
          ) : (
            <span className="t2">
              <Age at={at} />
            </span>
          );
        },
      },
    ],
    [t, isOpen],
  );
}
