import { IconListSearch, IconPencil, IconPlayerPlay, IconTrash } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { RuleView } from '../../../shared/contract/engine/rules.ts';
import { type BackupType, backupTypes } from '../../../shared/model/job.ts';
import type { Action } from '../../components/action.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from './dialog-host.tsx';
import { useAllowed } from './use-allowed.ts';
import { useRun, useTry } from './use-run.ts';

/** Starts a rule at once: one task for each of its VMs, or for one of them. */
export function useRunRule(): (rule: RuleView, objectId?: number) => Action {
  const { t } = useText();
  const allowed = useAllowed();
  const run = useRun();
  return useCallback(
    (rule: RuleView, objectId?: number): Action => ({
      id: `rules.run.${rule.id}`,
      label: t('action.runNow'),
      icon: IconPlayerPlay,
      shortcut: 'r',
      disabled: allowed('rules.run'),
      run: () =>
        void run(t('failed.runRule', { name: rule.name }), 'rules.run', {
          rule: String(rule.id),
          ...(objectId === undefined ? {} : { objects: [String(objectId)] }),
        }),
    }),
    [t, allowed, run],
  );
}

/** The other ways to run a rule: another type than its own, or everything read again and compared. */
export function useRunRuleAs(): (rule: RuleView) => Action[] {
  const { t } = useText();
  const allowed = useAllowed();
  const run = useRun();
  return useCallback(
    (rule: RuleView): Action[] => {
      const start = (options: { type?: BackupType; reread?: boolean }) =>
        void run(t('failed.runRule', { name: rule.name }), 'rules.run', { rule: String(rule.id), ...options });
      const others = backupTypes.filter((type) => type !== rule.type);
      const disabled = allowed('rules.run');
      return [
        ...others.map((type) => ({
          id: `rules.runAs.${type}.${rule.id}`,
          label: t(`action.runAs.${type}`),
          icon: IconPlayerPlay,
          disabled,
          run: () => start({ type }),
        })),
        {
          id: `rules.reread.${rule.id}`,
          label: t('action.reread'),
          icon: IconListSearch,
          disabled,
          run: () => start({ type: 'incremental', reread: true }),
        },
      ];
    },
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
  const runRuleAs = useRunRuleAs();
  return useCallback(
    (rule: RuleView): Action[] => [
      runRule(rule),
      ...runRuleAs(rule),
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
    [t, format, navigate, allowed, attempt, ask, runRule, runRuleAs],
  );
}
