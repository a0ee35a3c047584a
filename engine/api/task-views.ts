import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import { findBackupIds } from '../database/backups.ts';
import { type ClientRow, listClients } from '../database/clients.ts';
import { type GroupRow, listGroups } from '../database/groups.ts';
import { listObjects } from '../database/objects.ts';
import { listPlatforms } from '../database/platforms.ts';
import { listPools, type PoolRow } from '../database/pools.ts';
import { isSameOwner, ownerOf } from '../database/repositories.ts';
import { listRules } from '../database/rules.ts';
import type { TaskRow } from '../database/task-row.ts';
import { locationOf } from '../../shared/model/storage.ts';
import type { EngineCore } from '../core.ts';
import { namesOfOwner } from './chosen-repositories.ts';

/** Name of the row with that number; null when there is none (any more). */
function nameOf(rows: ReadonlyArray<{ id: number; name: string }>, id: number | null): string | null {
  return rows.find((row) => row.id === id)?.name ?? null;
}

/** What a task works on: the repository that it names, else that of the client it was given to. */
function repositoryOf(
  { poolId, clientId, spec, repositoryId }: TaskRow,
  pools: readonly PoolRow[],
  names: { clients: readonly ClientRow[]; groups: readonly GroupRow[] },
): TaskView['repository'] {
  const pool = pools.find(({ id }) => id === poolId);
  const known = spec.repositoryId ?? repositoryId;
  const found = pool?.repositories.find((repository) => {
    if (known !== null) return repository.id === known;
    if (pool.repositoryPer === 'pool') return true;
    return clientId !== null && isSameOwner(repository, ownerOf(pool, clientId));
  });
  return found === undefined ? null : { id: found.id, place: locationOf(found.address), ...namesOfOwner(found, names) };
}

/** Tasks as consoles show them: stored columns, live figures, names instead of numbers. */
export async function taskViews(core: EngineCore, tasks: readonly TaskRow[]): Promise<TaskView[]> {
  const { db } = core;
  const [clients, groups, objects, platforms, pools, rules, backups] = await Promise.all([
    listClients(db),
    listGroups(db),
    listObjects(db),
    listPlatforms(db),
    listPools(db),
    listRules(db),
    findBackupIds(
      db,
      tasks.flatMap((task) => [task.backupUuid, ...core.queue.progress.basesOf(task)]),
    ),
  ]);
  return tasks.map((task) => ({
    ...core.queue.progress.viewOf(task, backups),
    uuid: task.uuid,
    kind: task.kind,
    mode: task.mode,
    clientId: task.clientId,
    client: nameOf(clients, task.clientId),
    objectId: task.objectId,
    object: nameOf(objects, task.objectId),
    platform: nameOf(platforms, task.spec.deployPlatformId ?? task.platformId),
    ruleId: task.ruleId,
    rule: nameOf(rules, task.ruleId),
    poolId: task.poolId,
    pool: nameOf(pools, task.poolId),
    repository: repositoryOf(task, pools, { clients, groups }),
    backupId: backups.get(task.backupUuid) ?? null,
    startedBy: task.startedBy,
    createdAt: task.createdAt,
    startedAt: task.startedAt,
    endedAt: task.endedAt,
    waitingFor: task.waitingFor,
    attempt: task.attempt,
    warnings: task.warnings,
    error: task.error,
    unseen: task.unseen,
    result: task.result,
    steps: task.steps,
    consistency: task.consistency,
    frozenMilliseconds: task.frozenMilliseconds,
  }));
}

/** One task. */
export async function taskView(core: EngineCore, task: TaskRow): Promise<TaskView> {
  const [view] = await taskViews(core, [task]);
  if (view === undefined) throw new Error('unreachable: one task gives one view');
  return view;
}
