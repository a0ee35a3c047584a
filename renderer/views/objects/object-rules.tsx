import { IconCalendarTime, IconPlus } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useRunRule } from '../common/rule-actions.ts';
import { useAllowed } from '../common/use-allowed.ts';
import { RuleStateCell } from '../schedule/rule-state.tsx';

/** Rules that catch a VM, each with its state and Run now. */
export function ObjectRules({ object, onNew }: { readonly object: ObjectView; readonly onNew: () => void }) {
  const { t } = useText();
  const rules = useEngine('rules.list', {}).data?.rows ?? [];
  const runRule = useRunRule();
  const allowed = useAllowed();
  const own = rules.filter((rule) => object.rules.some(({ id }) => id === rule.id));
  const add = {
    id: 'rules.add',
    label: t('action.newRule'),
    icon: IconPlus,
    disabled: allowed('rules.add'),
    run: onNew,
  };
  if (own.length === 0) {
    return (
      <EmptyState icon={IconCalendarTime} title={t('objects.noRule')} action={<ActionButton action={add} />}>
        {t('objects.noRuleWhy')}
      </EmptyState>
    );
  }
  return (
    <div className="scroll">
      {own.map((rule) => (
        <section key={rule.id} className="sec">
          <div className="row">
            <Link to={`/schedule?rule=${rule.id}`} className="b5 el">
              {rule.name}
            </Link>
            <span className="sp" />
            <ActionButton action={runRule(rule)} small />
          </div>
          <div className="s12 t3 el" style={{ margin: '2px 0 4px' }}>
            {t(`backupType.${rule.type}`)}, {rule.pool}, {t('rule.vmCount', { count: rule.members.length })}
          </div>
          <RuleStateCell rule={rule} />
        </section>
      ))}
    </div>
  );
}
