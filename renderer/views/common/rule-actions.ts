import { IconPencil, IconPlayerPlay, IconTrash } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { RuleView } from '../../../shared/contract/engine/rules.ts';
import type { Action } from '../../components/action.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from './dialog-host.tsx';
import { useAllowed } from './use-allowed.ts';
import { useRun, useTry } from './use-run.ts';

/** Starts a rule at once: one task for each of its VMs. */
export function useRunRule(): (rule: RuleView) => Action {
  const { t } = useText();
  const allowed = useAllowed();
  const run = useRun();
  return useCallback(
    (rule: RuleView): Action => ({
      id: `rules.run.${rule.id}`,
      label: t('action.runNow'),
      icon: IconPlayerPlay,
      shortcut: 'r',
      disabled: allowed('rules.run'),
      run: () => void run(t('failed.runRule', { name: rule.name }), 'rules.run', { rule: String(rule.id) }),
    }),
    [t, allowed, run],
  );
}

/** What can be done with a rule. */
export function useRuleActions(): (rule: RuleView) => Action[] {
  const { t, format } = useText();
  const navigate = useNavigate();
  const allowed = useAllowed();
  const attempt = useTry();
  const { ask } = useDialogs();
  const runRule = useRunRule();
  return useCallback(
    (rule: RuleView): Action[] => [
      runRule(rule),
      {
        id: 'rules.edit',
        label: t('action.edit'),
        icon: IconPencil,
        shortcut: 'e',
        disabled: allowed('rules.edit'),
        run: () => void navigate(`/schedule?rule=${rule.id}`),
      },
      {
        id: 'rules.remove',
        label: t('action.remove'),
        icon: IconTrash,
        shortcut: 'Del',
        danger: true,
        startsGroup: true,
        disabled: allowed('rules.remove'),
        run: () =>
          ask({
            title: t('confirm.removeRule.title', { name: rule.name }),
            text: t('confirm.removeRule.text'),
            facts: [
              [t('rule.vms'), format.count(rule.members.length)],
              [t('rule.pool'), rule.pool],
              [t('confirm.points'), t('confirm.removeRule.points')],
            ],
            verb: t('confirm.removeRule.verb'),
            confirm: () => attempt('rules.remove', { rule: String(rule.id) }),
          }),
      },
    ],
    [t, format, navigate, allowed, attempt, ask, runRule],
  );
}
