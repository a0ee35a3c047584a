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
import { openersOf, repositoryById, repositoryIdOf } from '../database/repositories.ts';
import type { EngineCore } from '../core.ts';
import type { PointHint } from '../../shared/model/job.ts';
import type { Operation } from '../../shared/model/maintenance.ts';
import { findExecutors } from '../tasks/executors.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import type { Chosen } from './chosen-repositories.ts';
import { type ApiContext, userName } from './context.ts';
import { nextCursor, pageOf } from './paging.ts';
import { addMaintenance } from './repositories.ts';
import { peerOfRepository } from './repository-peer.ts';
import { filterId } from './tasks.ts';

/** Lists of large disks are read from storage for it. */
const diffMs = 120_000;

/** Pool and repository that hold a backup. */
async function placeOf(core: EngineCore, backup: BackupView) {
  const pool = await getPool(core.db, backup.poolId);
  return { pool, repository: repositoryById(pool, await repositoryIdOf(core.db, backup.id)) };
}

async function restoreOptions(core: EngineCore, backup: BackupView) {
  const { pool, repository } = await placeOf(core, backup);
  const openers = openersOf(pool, repository);
  const clients = (await listClients(core.db)).filter((client) => client.decision !== 'removed');
  const offers = clients.map((client) => {
    const authorized = client.decision === 'authorized';
    const missing = [
      ...(authorized ? [] : ['unauthorized' as const]),
      ...(pool.clientIds.includes(client.id) ? [] : ['noPool' as const]),
      ...(pool.clientIds.includes(client.id) && !openers.includes(client.id) ? ['otherRepository' as const] : []),
      ...(authorized && !core.registry.isOnline(client.id) ? ['offline' as const] : []),
    ];
    return { id: client.id, name: client.name, offered: missing.length === 0, missing };
  });
  const platforms = (await listPlatforms(core.db)).map((platform) => ({
    id: platform.id,
    name: platform.name,
    kind: platform.kind,
    canStart: allPlatforms[platform.kind].canStart,
    clientIds: platform.clientIds.filter((id) => openers.includes(id)),
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

/** One task for each repository that holds some of the points. */
async function maintainPoints(
  context: ApiContext,
  refs: readonly string[],
  operationOf: (points: Extract<Operation, { kind: 'verify' }>['points']) => Operation,
): Promise<number[]> {
  const { core } = context;
  const byRepository = new Map<number, { chosen: Chosen; points: Map<string, BackupView> }>();
  for (const ref of refs) {
    const backup = await getBackup(core.db, await findId(core.db, 'backups', ref, 'backups'));
    const { pool, repository } = await placeOf(core, backup);
    const known = byRepository.get(repository.id) ?? {
      chosen: { pool, repositories: [repository] },
      points: new Map(),
    };
    known.points.set(backup.uuid, backup);
    byRepository.set(repository.id, known);
  }
  const taskIds: number[] = [];
  for (const { chosen, points } of byRepository.values()) {
    const named = [...points.values()].map(({ uuid, snapshotId, objectUuid }) => ({
      backupUuid: uuid,
      snapshotId,
      objectUuid,
    }));
    taskIds.push(...(await addMaintenance(core, userName(context), chosen, operationOf(named))).taskIds);
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
    const { pool, repository: row } = await placeOf(core, from);
    if ((await repositoryIdOf(core.db, to.id)) !== row.id || from.objectUuid !== to.objectUuid) {
      throw new AppError('invalidValue', 'only two backups of one VM in one repository can be compared', {
        field: 'other',
      });
    }
    const hintOf = (point: BackupView) => ({ backupUuid: point.uuid, snapshotId: point.snapshotId });
    const repository = await repositoryTarget(core, row);
    const params = {
      repository,
      objectUuid: from.objectUuid,
      points: [hintOf(from), hintOf(to)] as [PointHint, PointHint],
    };
    const peer = await peerOfRepository(core, pool, row);
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
    const repositoryId = await repositoryIdOf(core.db, point.id);
    await findExecutors(core.db, core.registry, {
      poolId: point.poolId,
      repositoryId,
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
        repositoryId,
        ...(platformId === undefined ? {} : { deployPlatformId: platformId }),
      },
      startedBy: userName(context),
    });
    return { taskIds: [task.id] };
  },
};
