import { IconPlayerPlay, IconPlus, IconRestore } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import type { RuleView } from '../../../shared/contract/engine/rules.ts';
import type { Action } from '../../components/action.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useRunRule } from './rule-actions.ts';
import { useAllowed } from './use-allowed.ts';

const noRules: readonly RuleView[] = [];

/** What can be done with a VM. "Run now" runs its rule; with several rules each is offered by name. */
export function useObjectActions(): (object: ObjectView) => Action[] {
  const { t } = useText();
  const navigate = useNavigate();
  const allowed = useAllowed();
  const runRule = useRunRule();
  const rules = useEngine('rules.list', {}).data?.rows ?? noRules;
  return useCallback(
    (object: ObjectView): Action[] => {
      const own = rules.filter((rule) => object.rules.some(({ id }) => id === rule.id));
      const runs = own.map((rule): Action => {
        const count = rule.members.length;
        const label =
          own.length === 1 && count === 1 ? t('action.runNow') : t('action.runNowRule', { name: rule.name, count });
        return { ...runRule(rule), label };
      });
      const none: Action = {
        id: 'rules.run',
        label: t('action.runNow'),
        icon: IconPlayerPlay,
        disabled: t('reason.noRule'),
        run: () => undefined,
      };
      return [
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
    [t, navigate, allowed, runRule, rules],
  );
}
