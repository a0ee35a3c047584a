import type { backupsContract } from '../../shared/contract/engine/backups.ts';
import type { BackupView } from '../../shared/contract/engine/backups.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { allPlatforms } from '../../shared/platforms/all.ts';
import { getBackup, listBackups } from '../database/backups.ts';
import { listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { listPlatforms } from '../database/platforms.ts';
import { getPool } from '../database/pools.ts';
import type { EngineCore } from '../core.ts';
import type { PointHint } from '../../shared/model/job.ts';
import type { Operation } from '../../shared/model/maintenance.ts';
import { findExecutors } from '../tasks/executors.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { type ApiContext, userName } from './context.ts';
import { nextCursor, pageOf } from './paging.ts';
import { peerOfPool } from './pool-peer.ts';
import { addMaintenance } from './repositories.ts';
import { filterId } from './tasks.ts';

/** Lists of large disks are read from storage for it. */
const diffMs = 120_000;

async function restoreOptions(core: EngineCore, backup: BackupView) {
  const pool = await getPool(core.db, backup.poolId);
  const clients = (await listClients(core.db)).filter((client) => client.decision !== 'removed');
  const offers = clients.map((client) => {
    const authorized = client.decision === 'authorized';
    const missing = [
      ...(authorized ? [] : ['unauthorized' as const]),
      ...(pool.clientIds.includes(client.id) ? [] : ['noPool' as const]),
      ...(authorized && !core.registry.isOnline(client.id) ? ['offline' as const] : []),
    ];
    return { id: client.id, name: client.name, offered: missing.length === 0, missing };
  });
  const platforms = (await listPlatforms(core.db)).map((platform) => ({
    id: platform.id,
    name: platform.name,
    kind: platform.kind,
    canStart: allPlatforms[platform.kind].canStart,
    clientIds: platform.clientIds.filter((id) => pool.clientIds.includes(id)),
  }));
  return { backup, clients: offers, platforms };
}

/** The platform to deploy on: the given one, else the backup's own. */
async function deployPlatformId(core: EngineCore, backup: BackupView, ref: string | undefined): Promise<number> {
  if (ref !== undefined) return findId(core.db, 'platforms', ref, 'platform');
  if (backup.platformId === null) {
    throw new AppError('invalidValue', 'the platform this backup came from was removed; name another one', {
      field: 'platform',
    });
  }
  return backup.platformId;
}

/** One task for each pool that holds some of the points. */
async function maintainPoints(
  context: ApiContext,
  refs: readonly string[],
  operationOf: (points: Extract<Operation, { kind: 'verify' }>['points']) => Operation,
): Promise<number[]> {
  const { core } = context;
  const byPool = new Map<number, Map<string, BackupView>>();
  for (const ref of refs) {
    const backup = await getBackup(core.db, await findId(core.db, 'backups', ref, 'backups'));
    const points = byPool.get(backup.poolId) ?? new Map<string, BackupView>();
    byPool.set(backup.poolId, points.set(backup.uuid, backup));
  }
  const taskIds: number[] = [];
  for (const [poolId, points] of byPool) {
    const named = [...points.values()].map(({ uuid, snapshotId, objectUuid }) => ({
      backupUuid: uuid,
      snapshotId,
      objectUuid,
    }));
    taskIds.push(...(await addMaintenance(core, userName(context), poolId, operationOf(named))).taskIds);
  }
  return taskIds;
}

export const backupsApi: Handlers<typeof backupsContract, ApiContext> = {
  async 'backups.list'({ object, pool, rule, since, ...page }, { core }) {
    const { rows, total } = await listBackups(core.db, {
      ...pageOf(page),
      since,
      objectId: await filterId(core, 'objects', object, 'object'),
      poolId: await filterId(core, 'pools', pool, 'pool'),
      ruleId: await filterId(core, 'rules', rule, 'rule'),
    });
    return { rows, total, ...nextCursor(rows, page.limit) };
  },
  async 'backups.get'({ backup }, { core }) {
    return getBackup(core.db, await findId(core.db, 'backups', backup, 'backup'));
  },
  async 'backups.diff'({ backup, other, cursor }, { core }) {
    const from = await getBackup(core.db, await findId(core.db, 'backups', backup, 'backup'));
    const to = await getBackup(core.db, await findId(core.db, 'backups', other, 'other'));
    if (from.poolId !== to.poolId || from.objectUuid !== to.objectUuid) {
      throw new AppError('invalidValue', 'only two backups of one VM in one pool can be compared', { field: 'other' });
    }
    const hintOf = (point: BackupView) => ({ backupUuid: point.uuid, snapshotId: point.snapshotId });
    const repository = await repositoryTarget(core, from.poolId);
    const params = {
      repository,
      objectUuid: from.objectUuid,
      points: [hintOf(from), hintOf(to)] as [PointHint, PointHint],
    };
    const peer = await peerOfPool(core, from.poolId);
    return peer.call('backups.diff', cursor === undefined ? params : { ...params, cursor }, { timeoutMs: diffMs });
  },
  async 'backups.restoreOptions'({ backup }, { core }) {
    return restoreOptions(core, await getBackup(core.db, await findId(core.db, 'backups', backup, 'backup')));
  },
  async 'backups.verify'({ backups }, context) {
    return { taskIds: await maintainPoints(context, backups, (points) => ({ kind: 'verify', points })) };
  },
  async 'backups.delete'({ backups }, context) {
    return { taskIds: await maintainPoints(context, backups, (points) => ({ kind: 'delete', points })) };
  },
  async 'backups.restore'({ backup, target, client }, context) {
    const { core } = context;
    const point = await getBackup(core.db, await findId(core.db, 'backups', backup, 'backup'));
    const wantedClientId = (await filterId(core, 'clients', client, 'client')) ?? null;
    const platformId = target.kind === 'deploy' ? await deployPlatformId(core, point, target.platform) : undefined;
    await findExecutors(core.db, core.registry, {
      poolId: point.poolId,
      platformId: platformId ?? null,
      clientId: wantedClientId,
    });
    const task = await core.queue.add({
      kind: 'restore',
      mode: target.kind,
      // A restore that a person starts takes the next slot before any backup (DESIGN §5).
      priority: 10,
      wantedClientId,
      objectId: point.objectId,
      platformId: point.platformId,
      ruleId: null,
      poolId: point.poolId,
      backupUuid: point.uuid,
      spec: {
        restore: target,
        backupId: point.id,
        ...(platformId === undefined ? {} : { deployPlatformId: platformId }),
      },
      startedBy: userName(context),
    });
    return { taskIds: [task.id] };
  },
};
