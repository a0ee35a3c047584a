import { IconChevronRight, IconDatabase, IconRestore, IconTool } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { State } from '../../components/state.tsx';
import { Time } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';
import { resourceOf, taskLook, taskType } from '../common/task-words.ts';

/** State and progress in one lane: a running row has step, bar and percent, the others their reason. */
export function TaskStatus({ task }: { readonly task: TaskView }) {
  const { t, format } = useText();
  const look = taskLook(task.state);
  const word = t(`taskState.${task.state}`);
  const isMoving = look.tone === 'running';
  if (isMoving || task.state === 'unknown') {
    const text = task.state === 'running' && task.step !== null ? t(`step.${task.step}`) : word;
    const tone = task.state === 'unknown' ? 'frozen' : 'running';
    return (
      <div className="pr">
        <State {...look}>{text}</State>
        <ProgressBar percent={task.percent} tone={tone} label={t('task.progressOf', { id: task.id })} />
        <span className="p">{task.percent === null ? '' : format.percent(task.percent)}</span>
      </div>
    );
  }
  if (task.state === 'failed' && task.error !== null) {
    return (
      <State {...look} title={task.error.message}>
        <span className="b5">{word}</span>
        {task.step !== null && ` ${t('task.atStep', { step: t(`step.${task.step}`) })}`},{' '}
        <span className="mono">{task.error.code}</span>
      </State>
    );
  }
  const reason = task.waitingFor ?? (task.warnings[0] === undefined ? undefined : task.warnings[0]);
  return (
    <State {...look} title={reason}>
      <span className={reason === undefined ? '' : 'b5'}>{word}</span>
      {reason !== undefined && <span className="t2">, {reason}</span>}
    </State>
  );
}

function useFactColumns(): GridColumn<TaskView>[] {
  const { t, format } = useText();
  return useMemo(
    (): GridColumn<TaskView>[] => [
      {
        id: 'speed',
        head: t('task.speed'),
        width: 92,
        align: 'right',
        priority: 3,
        cell: (row) =>
          row.speedBytesPerSecond === null || row.state !== 'running' ? null : (
            <span className="tn">{format.speed(row.speedBytesPerSecond)}</span>
          ),
      },
      {
        id: 'left',
        head: t('task.left'),
        width: 92,
        align: 'right',
        priority: 2,
        cell: (row) => {
          if (row.endedAt !== null && row.startedAt !== null)
            return (
              <span className="t3 tn" title={t('task.took')}>
                {format.clock(row.endedAt - row.startedAt)}
              </span>
            );
          return row.secondsLeft === null ? null : <span className="tn">{format.left(row.secondsLeft)}</span>;
        },
      },
      {
        id: 'client',
        head: t('rule.client'),
        width: 96,
        priority: 5,
        value: (row) => row.client,
        cell: (row) => <span className="t2">{row.client}</span>,
      },
      {
        id: 'rule',
        head: t('rule.rule'),
        width: 110,
        priority: 6,
        value: (row) => row.rule,
        cell: (row) => <span className="t2">{row.rule}</span>,
      },
      {
        id: 'pool',
        head: t('rule.pool'),
        width: 96,
        priority: 7,
        value: (row) => row.pool,
        cell: (row) => <span className="t2">{row.pool}</span>,
      },
      {
        id: 'createdAt',
        head: t('task.created'),
        width: 126,
        align: 'right',
        priority: 4,
        value: (row) => row.createdAt,
        cell: (row) => (
          <span className="t2">
            <Time at={row.createdAt} />
          </span>
        ),
      },
    ],
    [t, format],
  );
}

/** Columns of the queue. */
export function useTaskColumns(isOpen: (task: TaskView) => boolean): GridColumn<TaskView>[] {
  const { t } = useText();
  const facts = useFactColumns();
  return useMemo(
    (): GridColumn<TaskView>[] => [
      {
        id: 'id',
        head: t('task.id'),
        width: 86,
        priority: 0,
        value: (row) => row.id,
        cell: (row) => (
          <span className="row" style={{ gap: 6, height: 27 }}>
            <IconChevronRight className={`ic xs t3 turn ${isOpen(row) ? 'turned' : ''}`} aria-hidden />
            <span className="mono">{row.id}</span>
          </span>
        ),
      },
      {
        id: 'type',
        head: t('task.type'),
        width: 172,
        priority: 1,
        value: (row) => `${row.kind} ${row.mode}`,
        cell: (row) => {
          const Shown = row.kind === 'backup' ? IconDatabase : row.kind === 'restore' ? IconRestore : IconTool;
          return (
            <span className="row" style={{ gap: 6, height: 27 }}>
              <Shown className="ic sm t3" aria-hidden />
              <span className="el">{taskType(t, row)}</span>
            </span>
          );
        },
      },
      {
        id: 'object',
        head: t('task.resource'),
        width: 120,
        grow: 1,
        priority: 0,
        value: resourceOf,
        cell: (row) => <span title={resourceOf(row) ?? undefined}>{resourceOf(row)}</span>,
      },
      {
        id: 'state',
        head: t('task.status'),
        width: 290,
        grow: 3,
        priority: 0,
        cell: (row) => <TaskStatus task={row} />,
      },
      ...facts,
    ],
    [t, facts, isOpen],
  );
}
