import { exclusiveKinds } from '../../shared/model/maintenance.ts';
import type { TaskState } from '../../shared/model/task.ts';
import type { TaskRow } from '../database/task-row.ts';

/** How many tasks may run at once (DESIGN §5). One slot is kept for a restore that a person starts. */
export const taskLimits = { total: 8, perClient: 4, keptForRestore: 1 } as const;

const occupying: readonly TaskState[] = ['assigned', 'running', 'finalising', 'cancelling', 'unknown'];

/** True while a task holds a slot; an unknown one may well be running. */
export function occupiesSlot(task: Pick<TaskRow, 'state'>): boolean {
  return occupying.includes(task.state);
}

/** After this time an exclusive task that waits lets no new one of its repository begin before it (DESIGN §4). */
const exclusivePatienceMs = 30 * 60_000;

type OfPool = Pick<TaskRow, 'id' | 'kind' | 'poolId' | 'createdAt'> & {
  spec?: Pick<TaskRow['spec'], 'repositoryId'>;
};

/** Of a task that names no repository it is not known: it may be any of its pool. */
function mayShareRepository(task: OfPool, other: OfPool): boolean {
  const [wanted, taken] = [task.spec?.repositoryId, other.spec?.repositoryId];
  return task.poolId === other.poolId && (wanted === undefined || taken === undefined || wanted === taken);
}

/**
 * Whether the repository is free for the task: an exclusive one waits for all others, and all wait for an exclusive one.
 * @param waiting tasks that have not begun
 * @returns what it waits for
 */
export function repositoryBusy(
  task: OfPool,
  running: readonly TaskRow[],
  waiting: readonly OfPool[],
  now = Date.now(),
): string | undefined {
  const same = running.filter((other) => mayShareRepository(task, other));
  const isExclusive = (other: OfPool) => exclusiveKinds.includes(other.kind);
  const blockers = isExclusive(task) ? same : same.filter(isExclusive);
  if (blockers.length > 0)
    return `the repository: ${blockers.map((other) => `task ${other.id} (${other.kind})`).join(', ')} must end first`;
  if (isExclusive(task)) return undefined;
  const patient = waiting.find(
    (other) =>
      other.id !== task.id &&
      mayShareRepository(task, other) &&
      isExclusive(other) &&
      now - other.createdAt > exclusivePatienceMs,
  );
  return patient === undefined ? undefined : `task ${patient.id} (${patient.kind}), which has waited for long`;
}

export interface FreeSlots {
  /** Clients of the given ones that have a slot. */
  clientIds: number[];
  /** Why nobody has; undefined when the total limit allows the task. */
  reason: string | undefined;
}

/** Which of the clients could take the task now. A restore does not wait behind its client's backups. */
export function freeSlots(
  task: Pick<TaskRow, 'kind'>,
  running: readonly TaskRow[],
  clientIds: readonly number[],
): FreeSlots {
  const restore = task.kind === 'restore';
  const limit = restore ? taskLimits.total : taskLimits.total - taskLimits.keptForRestore;
  if (running.length >= limit)
    return { clientIds: [], reason: `a free task slot (${running.length} of ${taskLimits.total} taken)` };
  const used = (id: number) =>
    running.filter((other) => other.clientId === id && (!restore || other.kind === 'restore')).length;
  return { clientIds: clientIds.filter((id) => used(id) < taskLimits.perClient), reason: undefined };
}
