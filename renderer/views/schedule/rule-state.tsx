import { IconCircleCheck, IconHelpCircle, IconHourglass, IconPencil, IconPlayerStop } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { RuleMember, RuleView } from '../../../shared/contract/engine/rules.ts';
import { State, type Tone } from '../../components/state.tsx';
import type { Format } from '../../text/format.ts';
import { useText } from '../../text/use-text.ts';

type Look = { readonly tone: Tone; readonly icon?: typeof IconCircleCheck; readonly text: string };

const quiet: readonly RuleMember['state'][] = ['idle', 'done', 'unknown', 'pending'];

function meanPercent(members: readonly RuleMember[]): number | undefined {
  const known = members.map(({ percent }) => percent).filter((percent) => percent !== null);
  return known.length === 0 ? undefined : known.reduce((sum, percent) => sum + percent, 0) / members.length;
}

function running(active: readonly RuleMember[], total: number, t: TFunction, format: Format): Look {
  const percent = meanPercent(active);
  const shown = percent === undefined ? '' : ` ${format.count(percent)}\u00a0%`;
  const text =
    total === 1
      ? `${t('state.running')}${shown}`
      : `${t('rule.runningOf', { running: active.length, count: total })}${shown}`;
  return { tone: 'running', text };
}

/** The worst of the members, with counts; the result of the last run when nothing is going on (DESIGN §5). */
function lookOf(rule: RuleView, t: TFunction, format: Format): Look {
  const { members } = rule;
  const active = members.filter(({ state }) => !quiet.includes(state));
  const failed = members.filter(({ lastState }) => lastState === 'failed').length;
  if (active.length > 0) return running(active, members.length, t, format);
  if (members.some(({ state }) => state === 'pending'))
    return { tone: 'idle', icon: IconHourglass, text: t('state.pending') };
  if (members.some(({ state }) => state === 'unknown'))
    return { tone: 'idle', icon: IconHelpCircle, text: t('state.unknown') };
  if (rule.state === 'stopped' || rule.state === 'expired')
    return { tone: 'idle', icon: IconPlayerStop, text: t(`ruleState.${rule.state}`) };
  if (rule.state === 'draft') return { tone: 'idle', icon: IconPencil, text: t('ruleState.draft') };
  if (failed > 0)
    return {
      tone: 'failed',
      text: members.length === 1 ? t('state.failed') : t('rule.failedOf', { failed, count: members.length }),
    };
  if (members.some(({ lastState }) => lastState === 'warning')) return { tone: 'degraded', text: t('state.degraded') };
  if (members.some(({ lastState }) => lastState === 'done'))
    return { tone: 'copied', icon: IconCircleCheck, text: t('rule.lastDone') };
  return { tone: 'idle', text: t('state.idle') };
}

/** The state of a rule: icon and word. */
export function RuleStateCell({ rule }: { readonly rule: RuleView }) {
  const { t, format } = useText();
  const { tone, icon, text } = lookOf(rule, t, format);
  return (
    <State tone={tone} icon={icon}>
      {text}
    </State>
  );
}
