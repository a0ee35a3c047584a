import { IconCheck } from '@tabler/icons-react';
import { ActionButton } from '../../components/action-button.tsx';
import type { Action } from '../../components/action.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useGlobalActions } from '../frame/global-actions.ts';

interface Step {
  readonly id: 'client' | 'platform' | 'pool' | 'rule' | 'restore';
  readonly isDone: boolean;
  readonly action?: Action;
}

/** The steps from nothing to a restored VM; undefined until everything is known. */
export function useFirstSteps(): Step[] | undefined {
  const actions = useGlobalActions();
  const clients = useEngine('clients.list', {}).data;
  const platforms = useEngine('platforms.list', {}).data;
  const pools = useEngine('pools.list', {}).data;
  const rules = useEngine('rules.list', {}).data;
  const backups = useEngine('backups.list', { limit: 1 }).data;
  if (
    clients === undefined ||
    platforms === undefined ||
    pools === undefined ||
    rules === undefined ||
    backups === undefined
  )
    return undefined;
  return [
    { id: 'client', isDone: clients.rows.some(({ authorized }) => authorized), action: actions.howToAddClient },
    { id: 'platform', isDone: platforms.total > 0, action: actions.addPlatform },
    { id: 'pool', isDone: pools.total > 0, action: actions.addPool },
    { id: 'rule', isDone: rules.total > 0, action: actions.newRule },
    { id: 'restore', isDone: false },
  ];
}

/** True while the console is not set up: there is nothing to list yet. */
export function isFirstStart(steps: readonly Step[] | undefined): boolean {
  return steps?.some((step) => !step.isDone && (step.id === 'client' || step.id === 'platform')) ?? false;
}

/** First start: numbered rows with the next step; done rows fold to one line. */
export function FirstStart({ steps }: { readonly steps: readonly Step[] }) {
  const { t } = useText();
  const now = steps.find((step) => !step.isDone)?.id;
  return (
    <div className="first scroll">
      <h2>{t('first.steps.title')}</h2>
      <p>{t('first.steps.lead')}</p>
      <ol>
        {steps.map((step, index) => (
          <li
            key={step.id}
            className={step.isDone ? 'done' : step.id === now ? 'now' : 'later'}
            aria-current={step.id === now ? 'step' : undefined}
          >
            {step.isDone ? (
              <IconCheck className="ic copied" aria-label={t('first.steps.done')} style={{ margin: 2 }} />
            ) : (
              <span className="no">{index + 1}</span>
            )}
            <div>
              <span className={step.isDone ? '' : 'b5'}>{t(`first.steps.${step.id}.title`)}</span>
              {!step.isDone && <p>{t(`first.steps.${step.id}.text`)}</p>}
            </div>
            {!step.isDone && step.action !== undefined && (
              <ActionButton action={step.action} primary={step.id === now} />
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}
