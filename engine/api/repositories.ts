import { randomUUID } from 'node:crypto';
import type { repositoriesContract } from '../../shared/contract/engine/repositories.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import type { Operation } from '../../shared/model/maintenance.ts';
import type { EngineCore } from '../core.ts';
import { findId } from '../database/find.ts';
import { findExecutors } from '../tasks/executors.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { type ApiContext, userName } from './context.ts';

/** Walking every tree of a large repository takes its time. */
const statsMs = 10 * 60_000;
const locksMs = 60_000;

/** Puts a task of maintenance into the queue. @throws AppError noClientReachesBoth */
export async function addMaintenance(
  core: EngineCore,
  startedBy: string,
  poolId: number,
  operation: Operation,
): Promise<{ taskIds: number[] }> {
  await findExecutors(core.db, core.registry, { poolId, platformId: null, clientId: null });
  const task = await core.queue.add({
    kind: operation.kind,
    mode: operation.kind,
    priority: 0,
    wantedClientId: null,
    objectId: null,
    platformId: null,
    ruleId: null,
    poolId,
    backupUuid: randomUUID(),
    spec: { operation },
    startedBy,
  });
  return { taskIds: [task.id] };
}

/** The first online client of a pool. @throws AppError clientOffline */
export async function peerOfPool(core: EngineCore, poolId: number) {
  const wanted = { poolId, platformId: null, clientId: null };
  const { clients, online } = await findExecutors(core.db, core.registry, wanted);
  const client = online[0] ?? clients[0];
  if (client === undefined) throw new AppError('clientOffline', 'no client reaches this pool');
  return core.registry.get(client.id, client.name);
}

export const repositoriesApi: Handlers<typeof repositoriesContract, ApiContext> = {
  async 'repositories.stats'({ pool }, { core }) {
    const poolId = await findId(core.db, 'pools', pool, 'pool');
    const repository = await repositoryTarget(core, poolId);
    return (await peerOfPool(core, poolId)).call('repositories.stats', { repository }, { timeoutMs: statsMs });
  },
  async 'repositories.check'({ pool, readPercent }, context) {
    const poolId = await findId(context.core.db, 'pools', pool, 'pool');
    return addMaintenance(context.core, userName(context), poolId, { kind: 'check', readPercent });
  },
  async 'repositories.prune'({ pool, dryRun, maxUnusedPercent }, context) {
    const poolId = await findId(context.core.db, 'pools', pool, 'pool');
    return addMaintenance(context.core, userName(context), poolId, { kind: 'prune', dryRun, maxUnusedPercent });
  },
  async 'repositories.rebuildIndex'({ pool }, context) {
    const poolId = await findId(context.core.db, 'pools', pool, 'pool');
    return addMaintenance(context.core, userName(context), poolId, { kind: 'rebuildIndex' });
  },
  async 'repositories.locks'({ pool, removeStale }, { core }) {
    const poolId = await findId(core.db, 'pools', pool, 'pool');
    const repository = await repositoryTarget(core, poolId);
    const peer = await peerOfPool(core, poolId);
    return peer.call('repositories.locks', { repository, removeStale }, { timeoutMs: locksMs });
  },
};
