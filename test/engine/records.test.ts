import { beforeEach, describe, expect, test } from 'vitest';
import { countUnauthorized, insertClient } from '../../engine/database/clients.ts';
import { findId } from '../../engine/database/find.ts';
import { insertLog, listLogs } from '../../engine/database/logs.ts';
import { listObjects, saveInventory } from '../../engine/database/objects.ts';
import { deletePlatform, getPlatform } from '../../engine/database/platforms.ts';
import { deletePool, getPool, listPools } from '../../engine/database/pools.ts';
import { deleteRule, getRule, saveRule } from '../../engine/database/rules.ts';
import { insertTask, listTasks, moveTask, getTask } from '../../engine/database/tasks.ts';
import {
  addClient,
  addPlatform,
  addPool,
  engineParts,
  type EngineParts,
  objectUuid,
  type Seed,
  seed,
} from '../helpers/engine-parts.ts';

let parts: EngineParts;
let world: Seed;

beforeEach(async () => {
  parts = await engineParts();
  world = await seed(parts, 3);
});

const newTask = () => ({
  kind: 'backup' as const,
  mode: 'full' as const,
  priority: 0,
  wantedClientId: null,
  objectId: world.objectIds[0] ?? null,
  platformId: world.platformId,
  ruleId: world.ruleId,
  poolId: world.poolId,
  backupUuid: objectUuid(99),
  spec: {},
  startedBy: 'admin',
});

describe('references', () => {
  test('digits are the number, everything else UUID, name or HWID', async () => {
    await addClient(parts.db, '1234', 7);
    const { uuid } = await getPlatform(parts.db, world.platformId);
    expect(await findId(parts.db, 'clients', String(world.clientId), 'client')).toBe(world.clientId);
    expect(await findId(parts.db, 'clients', '0000-0000-0000-0001', 'client')).toBe(world.clientId);
    expect(await findId(parts.db, 'platforms', uuid.toUpperCase(), 'platform')).toBe(world.platformId);
    expect(await findId(parts.db, 'objects', 'vm2', 'object')).toBe(world.objectIds[2]);
    await expect(findId(parts.db, 'clients', '1234', 'client')).rejects.toMatchObject({
      code: 'notFound',
      field: 'client',
    });
  });

  test('a name that several VMs have is ambiguous, but not within one platform', async () => {
    const other = await addPlatform(parts.db, [world.clientId], 1, 'others');
    await expect(findId(parts.db, 'objects', 'vm0', 'object')).rejects.toMatchObject({
      code: 'ambiguous',
      message: expect.stringContaining(`${other.objectIds[0]} (`) as string,
    });
    expect(await findId(parts.db, 'objects', 'vm0', 'object', other.platformId)).toBe(other.objectIds[0]);
  });

  test('a name is data, not SQL', async () => {
    await expect(findId(parts.db, 'rules', "x' or '1'='1", 'rule')).rejects.toMatchObject({ code: 'notFound' });
  });
});

test('names are taken once', async () => {
  await expect(addPlatform(parts.db, [world.clientId], 0)).rejects.toMatchObject({ code: 'nameTaken', field: 'name' });
  await expect(addPool(parts, [world.clientId])).rejects.toMatchObject({ code: 'nameTaken' });
  expect(await listPools(parts.db)).toHaveLength(1);
  const fields = await getRule(parts.db, world.ruleId);
  await expect(saveRule(parts.db, fields, 'UTC')).rejects.toMatchObject({ code: 'nameTaken' });
});

test('what a rule uses cannot be removed; then it takes its secrets along', async () => {
  const pool = await getPool(parts.db, world.poolId);
  await expect(deletePool(parts.db, pool)).rejects.toMatchObject({ code: 'inUse' });
  await expect(deletePlatform(parts.db, world.platformId)).rejects.toMatchObject({ code: 'inUse' });
  await deleteRule(parts.db, world.ruleId);
  await deletePool(parts.db, pool);
  await deletePlatform(parts.db, world.platformId);
  expect(await parts.db.selectFrom('secrets').selectAll().execute()).toEqual([]);
  expect(await listObjects(parts.db)).toEqual([]);
});

test('a VM that vanished stays while a rule names it, and comes back under its UUID', async () => {
  const other = await addPlatform(parts.db, [world.clientId], 2, 'others');
  await saveInventory(parts.db, world.platformId, []);
  await saveInventory(parts.db, other.platformId, []);
  const gone = await listObjects(parts.db);
  expect(gone.map(({ platformId, vanished }) => [platformId, vanished])).toEqual(
    [0, 1, 2].map(() => [world.platformId, true]),
  );
  const back = {
    uuid: objectUuid(0),
    name: 'renamed',
    state: 'file' as const,
    guestAgent: 'none' as const,
    frozenSince: null,
    disks: [],
  };
  await saveInventory(parts.db, world.platformId, [back]);
  const row = (await listObjects(parts.db)).find(({ id }) => id === world.objectIds[0]);
  expect(row).toMatchObject({ name: 'renamed', vanished: false, state: 'file' });
});

describe('tasks', () => {
  test('a move is fenced: only one of two writers makes it', async () => {
    const task = await insertTask(parts.db, newTask());
    expect(await moveTask(parts.db, task, 'pending')).toBe(true);
    expect(await moveTask(parts.db, task, 'cancelled')).toBe(false);
    expect((await getTask(parts.db, task.id)).state).toBe('pending');
    await expect(moveTask(parts.db, { id: task.id, state: 'done' }, 'running')).rejects.toMatchObject({
      code: 'internal',
    });
  });

  test('lists go on from a row, newest first, whatever is added meanwhile', async () => {
    const ids: number[] = [];
    for (let n = 0; n < 5; n++) ids.push((await insertTask(parts.db, newTask())).id);
    const page = await listTasks(parts.db, { limit: 2, offset: 0 });
    expect(page).toMatchObject({ total: 5 });
    expect(page.rows.map(({ id }) => id)).toEqual([ids[4], ids[3]]);
    await insertTask(parts.db, newTask());
    const next = await listTasks(parts.db, { limit: 2, offset: 0, before: ids[3] });
    expect(next.rows.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    expect((await listTasks(parts.db, { state: ['done'], limit: 9, offset: 0 })).total).toBe(0);
  });

  test('survive the removal of what they were about', async () => {
    const { id } = await insertTask(parts.db, newTask());
    await deleteRule(parts.db, world.ruleId);
    expect(await getTask(parts.db, id)).toMatchObject({ ruleId: null, poolId: world.poolId });
  });
});

test('log lines are found by text, level and task', async () => {
  await insertLog(parts.db, { level: 'info', source: 'engine', message: 'all is well' });
  await insertLog(parts.db, {
    level: 'error',
    source: 'task',
    message: 'disk 100% full',
    taskId: 7,
    clientId: world.clientId,
  });
  const found = async (filter: Parameters<typeof listLogs>[1]) =>
    (await listLogs(parts.db, filter)).rows.map((row) => row.message);
  const page = { limit: 10, offset: 0 };
  expect(await found({ ...page, text: 'well' })).toEqual(['all is well']);
  expect(await found({ ...page, text: '100% f' })).toEqual(['disk 100% full']);
  expect(await found({ ...page, text: '0%f' })).toEqual([]);
  expect(await found({ ...page, level: ['error', 'warning'] })).toEqual(['disk 100% full']);
  expect(await found({ ...page, taskId: 7 })).toEqual(['disk 100% full']);
  expect(await found({ ...page, text: '%' })).toEqual(['disk 100% full']);
});

test('a HWID belongs to one client', async () => {
  const hello = { name: 'x', signKey: '', contract: 1, version: '', system: '', address: '', fingerprint: 'f' };
  await expect(insertClient(parts.db, { ...hello, hwid: '0000-0000-0000-0001' }, false)).rejects.toThrow(/UNIQUE/u);
  await insertClient(parts.db, { ...hello, hwid: '0000-0000-0000-0009' }, false);
  expect(await countUnauthorized(parts.db)).toBe(1);
});
