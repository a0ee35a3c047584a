import {
  IconAlertTriangle,
  IconCheck,
  IconCircle,
  IconCircleX,
  IconEyeOff,
  IconLoader2,
  IconMinus,
} from '@tabler/icons-react';
import { Link } from 'react-router';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import { isEnded, stepsOf, type TaskStep } from '../../../shared/model/task.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorBlock } from '../../components/error-block.tsx';
import { KeyValues } from '../../components/key-values.tsx';
import { Chip } from '../../components/state.tsx';
import { Time, useNow } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';
import { useTaskActions } from '../common/task-actions.ts';
import { taskLook, whatFailed } from '../common/task-words.ts';
import { TaskDisks } from './task-disks.tsx';
import { TaskResult } from './task-result.tsx';

function StepIcon({ task, step }: { readonly task: TaskView; readonly step: TaskStep }) {
  const passed = task.steps.findLast((one) => one.step === step);
  if (passed === undefined) {
    const Skipped = isEnded(task.state) ? IconMinus : IconCircle;
    return <Skipped className="ic" aria-hidden />;
  }
  const isLast = task.steps.at(-1) === passed;
  if (isLast && task.state === 'failed') return <IconCircleX className="ic failed" aria-hidden />;
  if (isLast && (task.state === 'cancelled' || task.state === 'unknown'))
    return <IconMinus className="ic idle" aria-hidden />;
  if (isLast && !isEnded(task.state)) return <IconLoader2 className="ic running spin" aria-hidden />;
  return <IconCheck className="ic copied" aria-hidden />;
}

/** The steps a task passes, in order; those it has passed with the time they took. */
function Steps({ task }: { readonly task: TaskView }) {
  const { t, format } = useText();
  const now = useNow(1000);
  return (
    <ol className="steps">
      {stepsOf(task).map((step) => {
        const passed = task.steps.findLast((one) => one.step === step);
        const isNow = passed !== undefined && passed.endedAt === null && !isEnded(task.state);
        return (
          <li key={step} className={passed === undefined ? 'todo' : ''} aria-current={isNow ? 'step' : undefined}>
            <StepIcon task={task} step={step} />
            <span className={isNow ? 'b5' : ''}>{t(`step.${step}`)}</span>
            <span className="t">
              {passed === undefined ? '' : format.clock((passed.endedAt ?? task.endedAt ?? now) - passed.startedAt)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function Facts({ task }: { readonly task: TaskView }) {
  const { t, format } = useText();
  const now = useNow(1000);
  const total = task.bytesTotal === null ? '' : ` ${t('task.ofTotal', { total: format.bytes(task.bytesTotal) })}`;
  const took = task.startedAt === null ? null : format.clock((task.endedAt ?? now) - task.startedAt);
  return (
    <KeyValues
      facts={[
        [
          t('task.done'),
          task.bytesDone === 0 && task.bytesTotal === null ? null : format.bytes(task.bytesDone) + total,
        ],
        [t('task.stored'), task.kind === 'backup' ? format.bytes(task.bytesStored) : null],
        [t('task.time'), took],
        [t('task.started'), task.startedAt === null ? null : <Time key="started" at={task.startedAt} />],
        [t('task.startedBy'), task.startedBy],
        [t('task.attempt'), task.attempt > 1 ? format.count(task.attempt) : null],
        [t('task.waitsFor'), task.waitingFor],
        [
          t('rule.rule'),
          task.ruleId === null ? (
            task.rule
          ) : (
            <Link key="rule" to={`/schedule?rule=${task.ruleId}`}>
              {task.rule}
            </Link>
          ),
        ],
        [t('rule.client'), task.client],
        [
          t('rule.pool'),
          task.poolId === null ? (
            task.pool
          ) : (
            <Link key="pool" to={`/administration/pools?pool=${task.poolId}`}>
              {task.pool}
            </Link>
          ),
        ],
        [
          t('task.repository'),
          task.repository === null ? null : (
            <span key="repository" className="mono wrap">
              {task.repository.place}
            </span>
          ),
        ],
        [
          t('task.point'),
          task.backupId === null ? null : (
            <Link key="point" className="mono" to={`/repository?point=${task.backupId}`}>
              {task.backupId}
            </Link>
          ),
        ],
        [t('backup.consistency'), task.consistency === null ? null : t(`consistency.${task.consistency}`)],
        [
          t('task.frozen'),
          task.frozenMilliseconds === null ? null : t('task.milliseconds', { count: task.frozenMilliseconds }),
        ],
        [t('task.result'), task.result === null ? null : <TaskResult key="result" result={task.result} />],
      ]}
    />
  );
}

function Buttons({ task }: { readonly task: TaskView }) {
  const { t, format } = useText();
  const actions = useTaskActions()(task);
  const isOpen = !isEnded(task.state);
  return (
    <>
      <div className="row" style={{ marginTop: 10, gap: 6, flexWrap: 'wrap' }}>
        {actions.map((action) => (
          <ActionButton key={action.id} action={action} small quiet={action.id === 'logs'} />
        ))}
      </div>
      {isOpen && task.bytesStored > 0 && (
        <p className="s12 t3" style={{ marginTop: 6 }}>
          {t('task.cancelDiscards', { size: format.bytes(task.bytesStored) })}
        </p>
      )}
    </>
  );
}

function Warnings({ task }: { readonly task: TaskView }) {
  if (task.warnings.length === 0) return null;
  return (
    <ul style={{ marginTop: 8 }}>
      {task.warnings.map((warning) => (
        <li key={warning} className="pin degraded">
          <IconAlertTriangle className="ic xs" aria-hidden />
          <span className="wrap">{warning}</span>
        </li>
      ))}
    </ul>
  );
}

function Failure({ task, error }: { readonly task: TaskView; readonly error: NonNullable<TaskView['error']> }) {
  const { t, format } = useText();
  const where = [
    task.step === null ? undefined : t('task.whereStep', { step: t(`step.${task.step}`) }),
    task.client === null ? undefined : t('task.whereClient', { client: task.client }),
    task.endedAt === null ? undefined : format.fullTime(task.endedAt),
  ].filter((part) => part !== undefined);
  return (
    <div className="fx">
      <div>
        <ErrorBlock
          error={error}
          what={
            <>
              <span className="b6">{whatFailed(t, task)}</span>
              <div>{error.message}</div>
            </>
          }
          where={where.join(', ')}
        />
        <Warnings task={task} />
      </div>
      <div>
        {task.unseen && (
          <div style={{ marginBottom: 8 }}>
            <Chip tone="failed" icon={IconEyeOff}>
              {t('task.new')}
            </Chip>
          </div>
        )}
        <Facts task={task} />
        <Buttons task={task} />
      </div>
    </div>
  );
}

/** What an opened task shows: steps, disks, figures; a failed one its error in four parts. */
export function TaskDetails({ task }: { readonly task: TaskView }) {
  const { t } = useText();
  if (task.error !== null && taskLook(task.state).tone === 'failed') return <Failure task={task} error={task.error} />;
  return (
    <div className="xd">
      <div>
        <Steps task={task} />
      </div>
      <div>
        <TaskDisks task={task} />
        <Warnings task={task} />
        {task.error !== null && (
          <p className="s12 t2" style={{ marginTop: 8 }}>
            {task.error.message}
          </p>
        )}
        {task.state === 'unknown' && (
          <p className="s12 t2" style={{ marginTop: 8 }}>
            {t('task.unknownWhy')}
          </p>
        )}
      </div>
      <div>
        <Facts task={task} />
        <Buttons task={task} />
      </div>
    </div>
  );
}
