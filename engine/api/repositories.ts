import { randomUUID } from 'node:crypto';
import type { repositoriesContract } from '../../shared/contract/engine/repositories.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import type { Operation } from '../../shared/model/maintenance.ts';
import type { EngineCore } from '../core.ts';
import { findId } from '../database/find.ts';
import { insertLog } from '../database/logs.ts';
import { getPool } from '../database/pools.ts';
import { findExecutors } from '../tasks/executors.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { adoptPoints } from './adopt-points.ts';
import { type ApiContext, userName } from './context.ts';
import { peerOfPool } from './pool-peer.ts';
import { repositoryKeysApi } from './repository-keys.ts';

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
  const { maintenanceClientId } = await getPool(core.db, poolId);
  const task = await core.queue.add({
    kind: operation.kind,
    mode: operation.kind,
    priority: 0,
    wantedClientId: maintenanceClientId,
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

export const repositoriesApi: Handlers<typeof repositoriesContract, ApiContext> = {
  ...repositoryKeysApi,
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
  async 'repositories.adopt'({ pool }, context) {
    const { core } = context;
    const row = await getPool(core.db, await findId(core.db, 'pools', pool, 'pool'));
    const found = await adoptPoints(core, row.id);
    const message = `pool "${row.name}": ${found.adopted} points were taken over, ${found.damaged} cannot be read`;
    await insertLog(core.db, { level: 'info', source: 'engine', message, user: userName(context) });
    for (const topic of ['backups', 'pools', 'logs'] as const) core.changes.announce(topic);
    return found;
  },
  async 'repositories.locks'({ pool, removeStale }, { core }) {
    const poolId = await findId(core.db, 'pools', pool, 'pool');
    const repository = await repositoryTarget(core, poolId);
    const peer = await peerOfPool(core, poolId);
    return peer.call('repositories.locks', { repository, removeStale }, { timeoutMs: locksMs });
  },
};
