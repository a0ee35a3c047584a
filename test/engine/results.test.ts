import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Job } from '../../shared/model/job.ts';
import { listBackups } from '../../engine/database/backups.ts';
import { listLogs } from '../../engine/database/logs.ts';
import { getTask } from '../../engine/database/tasks.ts';
import { FakeAgent, failedOf, pointOf, resultOf } from '../fakes/agent.ts';
import { addClient, addPool, engineParts, type EngineParts, type Seed, seed } from '../helpers/engine-parts.ts';

let parts: EngineParts;
let world: Seed;
let agent: FakeAgent;
let job: Extract<Job, { kind: 'backup' }>;
let taskId: number;

beforeEach(async () => {
  parts = await engineParts();
  world = await seed(parts);
  agent = new FakeAgent(world.clientId);
  await agent.connect(parts);
  const task = await parts.queue.add({
    kind: 'backup',
    mode: 'full',
    priority: 0,
    wantedClientId: null,
    objectId: world.objectIds[0] ?? null,
    platformId: world.platformId,
    ruleId: world.ruleId,
    poolId: world.poolId,
    backupUuid: randomUUID(),
    spec: {},
    startedBy: 'admin',
  });
  taskId = task.id;
  await vi.waitFor(async () => expect((await getTask(parts.db, taskId)).state).toBe('running'));
  const got = agent.job(0);
  if (got.kind !== 'backup') throw new Error('not a backup');
  job = got;
});

const points = async () => (await listBackups(parts.db, { limit: 10, offset: 0 })).rows;
const ends = async () => (await listLogs(parts.db, { taskId, text: 'ended', limit: 10, offset: 0 })).rows;

test('a second report of the same job changes nothing', async () => {
  await parts.queue.reported(world.clientId, resultOf(job));
  const first = await getTask(parts.db, taskId);
  await parts.queue.reported(world.clientId, resultOf(job));
  await parts.queue.reported(world.clientId, failedOf(job, 'failed', 'storageFull'));
  expect(await getTask(parts.db, taskId)).toEqual(first);
  expect(await points()).toHaveLength(1);
  expect(await ends()).toHaveLength(1);
});

test('the record of a point names what its disks were transformed with', async () => {
  const transform = { cipher: 'kuznyechik', keyId: '0'.repeat(32) } as const;
  await parts.queue.reported(world.clientId, resultOf(job, { backup: pointOf(job, { transform }) }));
  expect(await points()).toMatchObject([{ transform: 'kuznyechik' }]);
});

test('two reports at the same moment make one point', async () => {
  await Promise.all([
    parts.queue.reported(world.clientId, resultOf(job)),
    parts.queue.reported(world.clientId, resultOf(job)),
  ]);
  expect(await points()).toHaveLength(1);
  expect(await ends()).toHaveLength(1);
});

test("another client's job is refused, and nothing of the report is kept", async () => {
  const stranger = await addClient(parts.db, 'stranger', 2);
  await expect(parts.queue.reported(stranger, resultOf(job))).rejects.toMatchObject({ code: 'noRight' });
  expect((await getTask(parts.db, taskId)).state).toBe('running');
  expect(await points()).toEqual([]);
});

test('a result about another backup than the job made is refused as a whole', async () => {
  const other = resultOf(job, { backup: pointOf(job, { backupUuid: randomUUID() }) });
  await expect(parts.queue.reported(world.clientId, other)).rejects.toMatchObject({ code: 'invalidValue' });
  expect((await getTask(parts.db, taskId)).state).toBe('running');
  expect(await points()).toEqual([]);
});

test('a finished backup of a job the engine does not know becomes a point with its owners', async () => {
  const lost = resultOf(job, { jobUuid: randomUUID(), backup: pointOf(job, { backupUuid: randomUUID() }) });
  await parts.queue.reported(world.clientId, lost);
  expect(await points()).toMatchObject([
    {
      uuid: lost.backup?.backupUuid,
      objectId: world.objectIds[0],
      poolId: world.poolId,
      rule: 'nightly',
      client: 'host',
    },
  ]);
  expect((await getTask(parts.db, taskId)).state).toBe('running');
});

test('an unknown point of removed records is kept under its own names', async () => {
  const backup = pointOf(job, {
    backupUuid: randomUUID(),
    objectUuid: randomUUID(),
    platformUuid: randomUUID(),
    ruleUuid: randomUUID(),
  });
  await parts.queue.reported(world.clientId, resultOf(job, { jobUuid: randomUUID(), backup }));
  expect(await points()).toMatchObject([{ object: 'vm0', objectId: null, platform: null, rule: null }]);
});

test('a point in a repository that is in no pool of the client makes no record, but a warning', async () => {
  const stranger = await addClient(parts.db, 'stranger', 2);
  await addPool(parts, [stranger], 'other', '99'.repeat(32));
  for (const repositoryId of ['77'.repeat(32), '99'.repeat(32)]) {
    const backup = pointOf(job, { backupUuid: randomUUID(), repositoryId });
    await parts.queue.reported(world.clientId, resultOf(job, { jobUuid: randomUUID(), backup }));
  }
  expect(await points()).toEqual([]);
  const { rows } = await listLogs(parts.db, { level: ['warning'], limit: 10, offset: 0 });
  expect(rows).toHaveLength(2);
  expect(rows[0]?.message).toContain('no record was made');
});

test('a failure keeps its error, is unseen, and frees the VM', async () => {
  await parts.queue.reported(world.clientId, failedOf(job, 'failed', 'storageFull'));
  expect(await getTask(parts.db, taskId)).toMatchObject({
    state: 'failed',
    unseen: true,
    error: { code: 'storageFull', message: 'it was storageFull' },
  });
  expect((await ends())[0]).toMatchObject({ level: 'error', code: 'storageFull' });
  expect(await points()).toEqual([]);
});

test('warnings end the task as such', async () => {
  await parts.queue.reported(
    world.clientId,
    resultOf(job, { outcome: 'warning', warnings: ['the guest was not frozen'] }),
  );
  expect(await getTask(parts.db, taskId)).toMatchObject({ state: 'warning', warnings: ['the guest was not frozen'] });
  expect(await points()).toHaveLength(1);
});
