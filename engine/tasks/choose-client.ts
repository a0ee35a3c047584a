import { AppError } from '../../shared/errors.ts';
import type { ClientRow } from '../database/clients.ts';
import { listPools, type PoolRow } from '../database/pools.ts';
import { isSameOwner, ownerOf } from '../database/repositories.ts';
import type { TaskRow } from '../database/task-row.ts';
import { findExecutors } from './executors.ts';
import { allKinds } from './kinds/all.ts';
import { freeSlots, repositoryBusy, taskLimits } from './slots.ts';
import type { TaskDeps } from './task-deps.ts';

/** Who else is there. */
export interface Others {
  /** Tasks that hold a slot. */
  occupying: readonly TaskRow[];
  /** Tasks that have not begun. */
  waiting: readonly TaskRow[];
  /** Of the task among those that wait, from 1. */
  place: number;
}

/**
 * The client that takes the task now, or what it waits for.
 * @throws AppError notFound, noClientReachesBoth when it can never run
 */
export async function chooseClient(
  { db, registry }: Pick<TaskDeps, 'db' | 'registry'>,
  task: TaskRow,
  { occupying, waiting, place }: Others,
): Promise<ClientRow | string> {
  if (task.poolId === null) throw new AppError('notFound', 'the pool of this task was removed');
  const { clients, online } = await findExecutors(db, registry, {
    poolId: task.poolId,
    platformId: allKinds[task.kind].platformId(task),
    clientId: task.wantedClientId,
    repositoryId: task.spec.repositoryId,
  });
  const pools = await listPools(db);
  const running = occupying.map((other) => placed(pools, other));
  // A backup goes into the repository of the client that runs it: not all of them need to be busy.
  const busy = online.map(({ id }) => repositoryBusy(placed(pools, { ...task, clientId: id }), running, waiting));
  const usable = online.filter((_client, index) => busy[index] === undefined);
  if (usable.length === 0 && busy[0] !== undefined) return busy[0];
  const ids = usable.map(({ id }) => id);
  const free = freeSlots(task, occupying, ids);
  const chosen = free.reason === undefined ? usable.find(({ id }) => free.clientIds.includes(id)) : undefined;
  if (chosen !== undefined) return chosen;
  const offline = `client ${clients.map(({ name }) => `"${name}"`).join(' or ')} to come online`;
  const reason = free.reason ?? `a slot of a client (${taskLimits.perClient} each)`;
  return `${online.length === 0 ? offline : reason}; place ${place} in line`;
}

/** The task with the repository it works on, as far as that is known: a backup goes into that of its client. */
function placed(pools: readonly PoolRow[], task: TaskRow): TaskRow {
  const repositoryId = task.spec.repositoryId ?? task.repositoryId ?? undefined;
  if (repositoryId !== undefined) return { ...task, spec: { ...task.spec, repositoryId } };
  const pool = pools.find(({ id }) => id === task.poolId);
  const owner = pool && ownerOf(pool, task.clientId ?? 0);
  const own = owner && pool.repositories.find((repository) => isSameOwner(repository, owner));
  return { ...task, spec: { ...task.spec, repositoryId: own?.id } };
}
