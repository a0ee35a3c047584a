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

/** A sentence for what failed: the kind and its object. */
export function whatFailed(t: TFunction, task: TaskView): string {
  const name = task.object ?? `${task.id}`;
  return t(`task.failedSentence.${task.kind}`, { name });
}
