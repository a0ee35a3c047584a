import { type Icon, IconBan, IconHelpCircle, IconHourglass, IconMinus, IconRefresh } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import type { TaskState } from '../../../shared/model/task.ts';
import type { Tone } from '../../components/state.tsx';

interface Look {
  readonly tone: Tone;
  readonly icon?: Icon;
}

const looks: Record<TaskState, Look> = {
  new: { tone: 'idle', icon: IconHourglass },
  pending: { tone: 'idle', icon: IconHourglass },
  assigned: { tone: 'running' },
  running: { tone: 'running' },
  finalising: { tone: 'running' },
  cancelling: { tone: 'running', icon: IconRefresh },
  'waiting-to-retry': { tone: 'degraded', icon: IconRefresh },
  unknown: { tone: 'idle', icon: IconHelpCircle },
  done: { tone: 'copied' },
  warning: { tone: 'degraded' },
  failed: { tone: 'failed' },
  cancelled: { tone: 'idle', icon: IconBan },
  skipped: { tone: 'idle', icon: IconMinus },
};

/** Colour and icon of a task's state. */
export function taskLook(state: TaskState): Look {
  return looks[state];
}

/** `Backup, full`. */
export function taskType(t: TFunction, { mode }: Pick<TaskView, 'mode'>): string {
  return t(`taskType.${mode}`);
}

/** What a task is about: its VM, or the pool that it maintains, with the client or group whose repository that is. */
export function resourceOf(task: Pick<TaskView, 'kind' | 'object' | 'pool' | 'repository'>): string | null {
  const { object, pool, repository } = task;
  if (object !== null || pool === null || hasDisks(task)) return object;
  const owner = repository?.client ?? repository?.group;
  return owner ? `${pool}: ${owner}` : pool;
}

/** Whether it reads or writes the disks of a VM; maintenance does not. */
export function hasDisks({ kind }: Pick<TaskView, 'kind'>): boolean {
  return kind === 'backup' || kind === 'restore';
}

/** A sentence for what failed: the kind and its object. */
export function whatFailed(t: TFunction, task: TaskView): string {
  const name = resourceOf(task) ?? `${task.id}`;
  return t(`task.failedSentence.${task.kind}`, { name });
}
