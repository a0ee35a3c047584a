import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { addMaintenance } from '../../engine/api/repositories.ts';
import { listBackups } from '../../engine/database/backups.ts';
import { getPool } from '../../engine/database/pools.ts';
import type { TaskRow } from '../../engine/database/task-row.ts';
import { getTask } from '../../engine/database/tasks.ts';
import { repositoryBusy } from '../../engine/tasks/slots.ts';
import type { MaintenanceResult, Operation } from '../../shared/model/maintenance.ts';
import type { TaskState } from '../../shared/model/task.ts';
import { FakeAgent, resultOf } from '../fakes/agent.ts';
import { engineParts, type EngineParts, type Seed, seed } from '../helpers/engine-parts.ts';

let parts: EngineParts;
let world: Seed;
let agent: FakeAgent;

beforeEach(async () => {
  parts = await engineParts();
  world = await seed(parts, 2);
  agent = new FakeAgent(world.clientId);
  await agent.connect(parts);
});

async function reaches(id: number, state: TaskState): Promise<TaskRow> {
  return vi.waitFor(async () => {
    const task = await getTask(parts.db, id);
    expect(task.state).toBe(state);
    return task;
  });
}

function addBackup(index = 0): Promise<TaskRow> {
  return parts.queue.add({
    kind: 'backup',
    mode: 'full',
    priority: 0,
    wantedClientId: null,
    objectId: world.objectIds[index] ?? null,
    platformId: world.platformId,
    ruleId: world.ruleId,
    poolId: world.poolId,
    backupUuid: randomUUID(),
    spec: {},
    startedBy: 'admin',
  });
}

async function backUp(): Promise<number> {
  const { id } = await addBackup();
  await reaches(id, 'running');
  return id;
}

/** A point that is in the pool. */
async function point() {
  await backUp();
  await parts.queue.reported(world.clientId, resultOf(agent.job(agent.jobs.length - 1)));
  const [backup] = (await listBackups(parts.db, { limit: 1, offset: 0 })).rows;
  if (backup === undefined) throw new Error('no point was made');
  return { backupUuid: backup.uuid, snapshotId: backup.snapshotId, objectUuid: backup.objectUuid };
}

async function start(operation: Operation): Promise<number> {
  const pool = await getPool(parts.db, world.poolId);
  const { taskIds } = await addMaintenance(parts, 'admin', { pool, repositories: pool.repositories }, operation);
  return taskIds[0] ?? 0;
}

async function end(maintenance: MaintenanceResult): Promise<void> {
  await parts.queue.reported(world.clientId, resultOf(agent.job(agent.jobs.length - 1), { maintenance }));
}

const prune: Operation = { kind: 'prune', dryRun: false, maxUnusedPercent: 5 };

describe('a prune', () => {
  test('waits for what runs in the repository and names it; then nothing else begins there', async () => {
    const backup = await backUp();
    const id = await start(prune);
    await vi.waitFor(async () => expect((await getTask(parts.db, id)).waitingFor).toContain(`task ${backup} (backup)`));
    await parts.queue.reported(world.clientId, resultOf(agent.job(0)));
    await reaches(id, 'running');
    const later = await addBackup(1);
    await vi.waitFor(async () =>
      expect((await getTask(parts.db, later.id)).waitingFor).toContain(`task ${id} (prune) must end first`),
    );
    await end({ kind: 'prune', dryRun: false, repackBytes: 10, freedBytes: 20 });
    expect((await getTask(parts.db, id)).result).toMatchObject({ freedBytes: 20 });
    await reaches(later.id, 'running');
  });

  test('that has waited for half an hour lets no new task begin before it', () => {
    const task = (id: number, kind: TaskRow['kind'], createdAt: number) => ({ id, kind, poolId: 1, createdAt });
    const now = 100 * 60_000;
    const [young, old] = [task(1, 'prune', now - 60_000), task(2, 'prune', now - 31 * 60_000)];
    const backup = task(3, 'backup', now);
    expect(repositoryBusy(backup, [], [young, backup], now)).toBeUndefined();
    expect(repositoryBusy(backup, [], [old, backup], now)).toContain('task 2 (prune)');
    expect(repositoryBusy({ ...backup, poolId: 2 }, [], [old], now)).toBeUndefined();
    expect(repositoryBusy(old, [], [old, young], now)).toBeUndefined();
  });
});

describe('a verification', () => {
  test('is kept with the point, with disk and range of what is broken', async () => {
    const named = await point();
    const id = await start({ kind: 'verify', points: [named] });
    await reaches(id, 'running');
    const errors = [{ disk: 'vdb', offset: 4096, length: 262_144, kind: 'blobDamaged' as const }];
    const points = [
      { backupUuid: named.backupUuid, verification: 'suspicious' as const, errors },
      // Nobody asked for this one.
      { backupUuid: randomUUID(), verification: 'trusted' as const, errors: [] },
    ];
    await end({ kind: 'verify', points });
    const [backup] = (await listBackups(parts.db, { limit: 1, offset: 0 })).rows;
    expect(backup).toMatchObject({ verification: 'suspicious', verifyErrors: errors });
    expect(backup?.verifiedAt).toBeGreaterThan(0);
  });

  test('whose result is about something else is refused', async () => {
    const id = await start({ kind: 'verify', points: [await point()] });
    await reaches(id, 'running');
    await expect(end({ kind: 'delete', deleted: [] })).rejects.toMatchObject({ code: 'invalidValue' });
    expect((await getTask(parts.db, id)).state).toBe('running');
  });
});

test('deleted points lose their record; only those that the task named', async () => {
  const [first, second] = [await point(), await point()];
  const id = await start({ kind: 'delete', points: [first] });
  await reaches(id, 'running');
  await end({ kind: 'delete', deleted: [first.backupUuid, second.backupUuid] });
  const { rows } = await listBackups(parts.db, { limit: 10, offset: 0 });
  expect(rows.map(({ uuid }) => uuid)).toEqual([second.backupUuid]);
});
