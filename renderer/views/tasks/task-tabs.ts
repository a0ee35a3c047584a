import type { TaskState } from '../../../shared/model/task.ts';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';

/** Tabs of the queue; all but the first narrow the list at the engine. */
export const taskTabs = ['all', 'running', 'waiting', 'failed', 'finished'] as const;
export type TaskTab = (typeof taskTabs)[number];

export const tabStates: Record<Exclude<TaskTab, 'all'>, TaskState[]> = {
  running: ['assigned', 'running', 'finalising', 'cancelling', 'unknown'],
  waiting: ['new', 'pending', 'waiting-to-retry'],
  failed: ['failed'],
  finished: ['done', 'warning', 'failed', 'cancelled', 'skipped'],
};

/** States to ask the engine for; undefined = every one. */
export function statesOf(tab: TaskTab): TaskState[] | undefined {
  return tab === 'all' ? undefined : tabStates[tab];
}

/** The groups of the first tab, in the order a person needs them. */
export const taskGroups = ['person', 'running', 'waiting', 'finished'] as const;
export type TaskGroup = (typeof taskGroups)[number];

/** What needs a person comes first, then what runs, then what waits. */
export function groupOf(task: Pick<TaskView, 'state' | 'unseen'>): TaskGroup {
  if (task.unseen || task.state === 'unknown') return 'person';
  if (tabStates.running.includes(task.state)) return 'running';
  return tabStates.waiting.includes(task.state) ? 'waiting' : 'finished';
}

/** Narrows text of an address. */
export function toTaskTab(text: string): TaskTab {
  return taskTabs.find((tab) => tab === text) ?? 'all';
}
