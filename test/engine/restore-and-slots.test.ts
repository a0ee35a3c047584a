import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { getBackup, listBackups } from '../../engine/database/backups.ts';
import type { TaskRow } from '../../engine/database/task-row.ts';
import { getTask, type NewTask } from '../../engine/database/tasks.ts';
import { freeSlots, occupiesSlot, taskLimits } from '../../engine/tasks/slots.ts';
import { FakeAgent, failedOf, resultOf } from '../fakes/agent.ts';
import { addClient, addPlatform, addPool, engineParts, type EngineParts } from '../helpers/engine-parts.ts';

describe('free slots', () => {
  const row = (kind: TaskRow['kind'], clientId: number) => ({ kind, clientId, state: 'running' }) as TaskRow;
  const backups = (count: number, clientId = 1) => Array.from({ length: count }, () => row('backup', clientId));

  test('a client takes four, and another one then the rest', () => {
    expect(freeSlots({ kind: 'backup' }, backups(3), [1, 2]).clientIds).toEqual([1, 2]);
    expect(freeSlots({ kind: 'backup' }, backups(4), [1, 2]).clientIds).toEqual([2]);
  });

  test('backups leave one slot of all to a restore', () => {
    const running = [...backups(4), ...backups(3, 2)];
    const backup = freeSlots({ kind: 'backup' }, running, [3]);
    expect(backup).toEqual({ clientIds: [], reason: 'a free task slot (7 of 8 taken)' });
    expect(freeSlots({ kind: 'restore' }, running, [1]).clientIds).toEqual([1]);
  });

  test('restores have limits too', () => {
    const restores = Array.from({ length: taskLimits.perClient }, () => row('restore', 1));
    expect(freeSlots({ kind: 'restore' }, restores, [1, 2]).clientIds).toEqual([2]);
    expect(freeSlots({ kind: 'restore' }, backups(taskLimits.total), [1]).reason).toBeDefined();
  });

  test('a task that may be at work holds its slot', () => {
    const states = ['assigned', 'running', 'finalising', 'cancelling', 'unknown'] as const;
    for (const state of states) expect(occupiesSlot({ state })).toBe(true);
    for (const state of ['new', 'pending', 'waiting-to-retry', 'done', 'failed'] as const)
      expect(occupiesSlot({ state })).toBe(false);
  });
});

describe('in the queue', () => {
  let parts: EngineParts;
  let agents: FakeAgent[];
  let base: NewTask;
  let objectIds: number[];

  beforeEach(async () => {
    parts = await engineParts();
    const clientIds = [await addClient(parts.db, 'one', 1), await addClient(parts.db, 'two', 2)];
    const platform = await addPlatform(parts.db, clientIds, 12);
    objectIds = platform.objectIds;
    const poolId = await addPool(parts, clientIds);
    agents = clientIds.map((id) => new FakeAgent(id));
    base = {
      kind: 'backup',
      mode: 'full',
      priority: 0,
      wantedClientId: null,
      objectId: null,
      platformId: platform.platformId,
      ruleId: null,
      poolId,
      backupUuid: randomUUID(),
      spec: {},
      startedBy: 'admin',
    };
  });

  const add = (index: number) =>
    parts.queue.add({ ...base, objectId: objectIds[index] ?? null, backupUuid: randomUUID() });

  async function point(): Promise<number> {
    await add(11);
    const [agent] = agents;
    await vi.waitFor(() => expect(agent?.jobs).toHaveLength(1));
    if (agent === undefined) throw new Error('no agent');
    await parts.queue.reported(agent.clientId, resultOf(agent.job(0)));
    const [row] = (await listBackups(parts.db, { limit: 1, offset: 0 })).rows;
    agent.jobs.length = 0;
    return row?.id ?? 0;
  }

  async function restore(backupId: number, deployPlatformId?: number): Promise<TaskRow> {
    const backup = await getBackup(parts.db, backupId);
    const deploy = { kind: 'deploy' as const, start: false, name: 'copy', storage: '/images' };
    return parts.queue.add({
      ...base,
      kind: 'restore',
      mode: deployPlatformId === undefined ? 'directory' : 'deploy',
      priority: 10,
      objectId: backup.objectId,
      backupUuid: backup.uuid,
      spec: {
        backupId,
        restore: deployPlatformId === undefined ? { kind: 'directory', path: '/out', format: 'raw' } : deploy,
        ...(deployPlatformId === undefined ? {} : { deployPlatformId }),
      },
    });
  }

  test('a restore passes the waiting backups and takes the reserved slot', async () => {
    for (const agent of agents) await agent.connect(parts);
    const backupId = await point();
    for (let index = 0; index < 10; index++) await add(index);
    await vi.waitFor(() => expect(agents.map(({ jobs }) => jobs.length)).toEqual([4, 3]));
    const task = await restore(backupId);
    await vi.waitFor(async () => expect((await getTask(parts.db, task.id)).state).toBe('running'));
    const jobs = agents.flatMap((agent) => agent.jobs);
    expect(jobs.map((job) => job.kind).filter((kind) => kind === 'backup')).toHaveLength(7);
    const job = jobs.find((each) => each.kind === 'restore');
    expect(job).toMatchObject({
      target: { kind: 'directory', path: '/out', format: 'raw' },
      snapshotIdHint: 'cd'.repeat(32),
    });
    const second = await restore(backupId);
    await vi.waitFor(async () =>
      expect((await getTask(parts.db, second.id)).waitingFor).toBe('a free task slot (8 of 8 taken); place 1 in line'),
    );
  });

  test('an ended task gives its slot to the oldest waiting one', async () => {
    const [one] = agents;
    if (one === undefined) throw new Error('no agent');
    await one.connect(parts);
    const tasks: TaskRow[] = [];
    for (let index = 0; index < 6; index++) tasks.push(await add(index));
    await vi.waitFor(() => expect(one.jobs).toHaveLength(4));
    await vi.waitFor(async () =>
      expect((await getTask(parts.db, tasks[5]?.id ?? 0)).waitingFor).toBe(
        'a slot of a client (4 each); place 2 in line',
      ),
    );
    await parts.queue.reported(one.clientId, resultOf(one.job(2)));
    await vi.waitFor(() => expect(one.jobs).toHaveLength(5));
    expect(one.job(4).jobUuid).toBe(tasks[4]?.jobUuid);
  });

  test('only the client that is asked for gets the task', async () => {
    for (const agent of agents) await agent.connect(parts);
    const wanted = agents[1];
    await parts.queue.add({ ...base, objectId: objectIds[0] ?? null, wantedClientId: wanted?.clientId ?? null });
    await vi.waitFor(() => expect(wanted?.jobs).toHaveLength(1));
    expect(agents[0]?.jobs).toEqual([]);
  });

  test('a restore whose backup is gone marks the record as missing', async () => {
    for (const agent of agents) await agent.connect(parts);
    const backupId = await point();
    const task = await restore(backupId, base.platformId ?? 0);
    await vi.waitFor(async () => expect((await getTask(parts.db, task.id)).state).toBe('running'));
    const agent = agents.find(({ jobs }) => jobs.length === 1);
    if (agent === undefined) throw new Error('nobody got the restore');
    expect(agent.job(0)).toMatchObject({ target: { kind: 'deploy', name: 'copy', platform: { name: 'images' } } });
    await parts.queue.reported(agent.clientId, failedOf(agent.job(0), 'failed', 'backupMissing'));
    expect(await getTask(parts.db, task.id)).toMatchObject({ state: 'failed', error: { code: 'backupMissing' } });
    expect((await getBackup(parts.db, backupId)).state).toBe('missing');
  });
});
