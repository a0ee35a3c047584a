import { IconPlayerPlay, IconPlus, IconRestore, IconSnowflakeOff } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import type { RuleView } from '../../../shared/contract/engine/rules.ts';
import type { Action } from '../../components/action.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useRunRule } from './rule-actions.ts';
import { useAllowed } from './use-allowed.ts';
import { useRun } from './use-run.ts';

const noRules: readonly RuleView[] = [];

/** What can be done with a VM. "Run now" runs its rule for this VM; with several rules each is offered by name. */
export function useObjectActions(): (object: ObjectView) => Action[] {
  const { t } = useText();
  const navigate = useNavigate();
  const allowed = useAllowed();
  const run = useRun();
  const runRule = useRunRule();
  const rules = useEngine('rules.list', {}).data?.rows ?? noRules;
  return useCallback(
    (object: ObjectView): Action[] => {
      const own = rules.filter((rule) => object.rules.some(({ id }) => id === rule.id));
      const runs = own.map((rule): Action => {
        const label = own.length === 1 ? t('action.runNow') : t('action.runNowRule', { name: rule.name });
        return { ...runRule(rule, object.id), label };
      });
      const none: Action = {
        id: 'rules.run',
        label: t('action.runNow'),
        icon: IconPlayerPlay,
        disabled: t('reason.noRule'),
        run: () => undefined,
      };
      return [
        ...(object.frozenSince === null
          ? []
          : [
              {
                id: 'objects.thaw',
                label: t('action.thaw'),
                icon: IconSnowflakeOff,
                disabled: allowed('objects.thaw'),
                run: () =>
                  void run(t('failed.thaw', { name: object.name }), 'objects.thaw', { object: String(object.id) }),
              },
            ]),
        ...(runs.length === 0 ? [none] : runs),
        {
          id: 'rules.add',
          label: t('action.newRule'),
          icon: IconPlus,
          disabled: allowed('rules.add'),
          run: () => void navigate(`/schedule?rule=new&platform=${object.platformId}&objects=${object.id}`),
        },
        {
          id: 'backups.restore',
          label: t('action.restoreNewest'),
          icon: IconRestore,
          startsGroup: true,
          disabled: object.backupCount === 0 ? t('reason.noPoint') : allowed('backups.restore'),
          run: () => void navigate(`/restore/newest?object=${object.id}`),
        },
      ];
    },
    [t, navigate, allowed, run, runRule, rules],
  );
}
