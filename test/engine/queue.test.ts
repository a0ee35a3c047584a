import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import type { TaskState } from '../../shared/model/task.ts';
import { listBackups } from '../../engine/database/backups.ts';
import { decideClient } from '../../engine/database/clients.ts';
import { listLogs } from '../../engine/database/logs.ts';
import type { TaskRow } from '../../engine/database/task-row.ts';
import { getTask, type NewTask } from '../../engine/database/tasks.ts';
import { FakeAgent, failedOf, resultOf } from '../fakes/agent.ts';
import { engineParts, type EngineParts, engineUuid, type Seed, seed } from '../helpers/engine-parts.ts';

let parts: EngineParts;
let world: Seed;
let agent: FakeAgent;

beforeEach(async () => {
  parts = await engineParts();
  world = await seed(parts, 12);
  agent = new FakeAgent(world.clientId);
});

function backupOf(index: number, changes: Partial<NewTask> = {}): NewTask {
  return {
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
    ...changes,
  };
}

/** Waits for a state; says where the task stands instead when it does not come. */
function reaches(id: number, state: TaskState): Promise<TaskRow> {
  return vi.waitFor(async () => {
    const task = await getTask(parts.db, id);
    expect(task.state).toBe(state);
    return task;
  });
}

async function running(index = 0): Promise<TaskRow> {
  const { id } = await parts.queue.add(backupOf(index));
  return reaches(id, 'running');
}

describe('a run', () => {
  test('waits for its client by name, runs, and ends with its point', async () => {
    const { id } = await parts.queue.add(backupOf(0));
    await vi.waitFor(async () =>
      expect((await getTask(parts.db, id)).waitingFor).toBe('client "host" to come online; place 1 in line'),
    );
    await agent.connect(parts);
    await reaches(id, 'running');
    await parts.queue.reported(world.clientId, resultOf(agent.job(0)));
    const task = await getTask(parts.db, id);
    expect(task).toMatchObject({ state: 'done', waitingFor: null, bytesDone: 1000, bytesStored: 400, unseen: false });
    expect(task.endedAt).toBeGreaterThan(0);
    const { rows } = await listBackups(parts.db, { limit: 10, offset: 0 });
    expect(rows).toMatchObject([
      { uuid: task.backupUuid, object: 'vm0', rule: 'nightly', pool: 'pool', client: 'host', sizeBytes: 1000 },
    ]);
    expect(rows[0]?.disks.map((disk) => disk.id)).toEqual(['vda', 'vdb']);
  });

  test('the job carries everything the agent needs, the password included', async () => {
    await agent.connect(parts);
    const task = await running();
    const job = agent.job(0);
    expect(job).toMatchObject({
      kind: 'backup',
      jobUuid: task.jobUuid,
      backupUuid: task.backupUuid,
      engineUuid,
      objectName: 'vm0',
      zone: 'Europe/Berlin',
      rule: { name: 'nightly' },
      platform: { kind: 'image-directory', settings: { path: '/images' } },
      repository: { storage: { kind: 'local', path: '/backups/pool' }, repositoryId: 'ab'.repeat(32) },
      client: { name: 'host' },
    });
    expect(job.repository.password.reveal()).toBe('password of pool');
  });

  test('an agent that refuses the job fails the task with its reason', async () => {
    await agent.connect(parts);
    agent.refuseWith = new AppError('platformUnreachable', 'no such folder');
    const { id } = await parts.queue.add(backupOf(0));
    const task = await reaches(id, 'failed');
    expect(task).toMatchObject({ error: { code: 'platformUnreachable', message: 'no such folder' }, unseen: true });
    const { rows } = await listLogs(parts.db, { taskId: id, limit: 10, offset: 0 });
    expect(rows[0]).toMatchObject({ level: 'error', code: 'platformUnreachable', client: 'host' });
  });

  test('a task that no authorized client can run fails at once and says who is missing', async () => {
    await decideClient(parts.db, world.clientId, 'removed', 'test');
    const { id } = await parts.queue.add(backupOf(0));
    const { error } = await reaches(id, 'failed');
    expect(error).toMatchObject({ code: 'noClientReachesBoth' });
    expect(error?.message).toContain('host (removed)');
  });
});

describe('a VM that is being backed up already', () => {
  test('is skipped, which is no failure', async () => {
    await agent.connect(parts);
    const first = await running();
    const second = await parts.queue.add(backupOf(0));
    expect(second).toMatchObject({ state: 'skipped', unseen: false, error: null });
    expect(second.warnings).toEqual([`task ${first.id} is backing up this VM already`]);
    await parts.queue.reported(world.clientId, resultOf(agent.job(0)));
    expect((await parts.queue.add(backupOf(0))).state).not.toBe('skipped');
  });

  test('is skipped also when both are asked for at the same moment', async () => {
    const added = await Promise.all([parts.queue.add(backupOf(0)), parts.queue.add(backupOf(0))]);
    expect(added.filter((task) => task.state === 'skipped')).toHaveLength(1);
  });
});

describe('cancelling', () => {
  test('a waiting task ends at once', async () => {
    const { id } = await parts.queue.add(backupOf(0));
    expect(await parts.queue.cancel(id, 'admin')).toMatchObject({ state: 'cancelled', waitingFor: null });
    await agent.connect(parts);
    expect(agent.jobs).toEqual([]);
  });

  test('a running task is cancelled only when its agent says that everything is gone', async () => {
    await agent.connect(parts);
    const { id, jobUuid } = await running();
    expect(await parts.queue.cancel(id, 'admin')).toMatchObject({ state: 'cancelling', cancelRequested: true });
    expect(agent.cancelled).toEqual([jobUuid]);
    await parts.queue.reported(world.clientId, failedOf(agent.job(0), 'cancelled', 'cancelled'));
    expect(await getTask(parts.db, id)).toMatchObject({ state: 'cancelled', unseen: false });
    expect(await parts.queue.cancel(id, 'admin')).toMatchObject({ state: 'cancelled' });
  });

  test('a point that was finished before the wish arrived is kept', async () => {
    await agent.connect(parts);
    const { id } = await running();
    await parts.queue.cancel(id, 'admin');
    await parts.queue.reported(world.clientId, resultOf(agent.job(0)));
    expect((await getTask(parts.db, id)).state).toBe('done');
    expect((await listBackups(parts.db, { limit: 10, offset: 0 })).total).toBe(1);
  });

  test('while the job is being handed over reaches the agent afterwards', async () => {
    await agent.connect(parts);
    const gate = Promise.withResolvers<undefined>();
    agent.beforeStart = () => gate.promise;
    const { id, jobUuid } = await parts.queue.add(backupOf(0));
    await reaches(id, 'assigned');
    await parts.queue.cancel(id, 'admin');
    agent.cancelled.length = 0;
    gate.resolve(undefined);
    await vi.waitFor(() => expect(agent.cancelled).toEqual([jobUuid]));
    expect((await getTask(parts.db, id)).state).toBe('cancelling');
  });

  test('without contact is sent when the client is back', async () => {
    await agent.connect(parts);
    const { id, jobUuid } = await running();
    await agent.disconnect(parts);
    expect((await parts.queue.cancel(id, 'admin')).state).toBe('cancelling');
    expect(agent.cancelled).toEqual([]);
    await agent.connect(parts, [{ jobUuid, state: 'running', step: 'copyingData' }]);
    await vi.waitFor(() => expect(agent.cancelled).toEqual([jobUuid]));
  });

  test('is done when the client comes back and has no such job', async () => {
    await agent.connect(parts);
    const { id } = await running();
    await agent.disconnect(parts);
    await parts.queue.cancel(id, 'admin');
    await agent.connect(parts, []);
    expect((await getTask(parts.db, id)).state).toBe('cancelled');
  });
});

describe('lost contact', () => {
  test('is unknown, not failed; a job that is still listed goes on', async () => {
    await agent.connect(parts);
    const { id, jobUuid } = await running();
    await agent.disconnect(parts);
    const lost = await getTask(parts.db, id);
    expect(lost).toMatchObject({ state: 'unknown', unseen: false });
    expect(lost.waitingFor).toMatch(/come back/u);
    await agent.connect(parts, [{ jobUuid, state: 'running', step: 'copyingData' }]);
    expect(await getTask(parts.db, id)).toMatchObject({ state: 'running', waitingFor: null });
    await parts.queue.reported(world.clientId, resultOf(agent.job(0)));
    expect((await getTask(parts.db, id)).state).toBe('done');
  });

  test('a job that the client does not know any more is lost', async () => {
    await agent.connect(parts);
    const { id } = await running();
    await agent.disconnect(parts);
    await agent.connect(parts, [{ jobUuid: randomUUID(), state: 'running', step: null }]);
    expect(await getTask(parts.db, id)).toMatchObject({ state: 'failed', error: { code: 'jobLost' }, unseen: true });
  });

  test('while the job is handed over leaves it unknown, for it may have arrived', async () => {
    await agent.connect(parts);
    agent.beforeStart = () => new Promise(() => undefined);
    const { id } = await parts.queue.add(backupOf(0));
    await reaches(id, 'assigned');
    await agent.disconnect(parts);
    expect((await reaches(id, 'unknown')).clientId).toBe(world.clientId);
  });

  test('an unknown task keeps its VM and its slot', async () => {
    await agent.connect(parts);
    await running();
    await agent.disconnect(parts);
    expect((await parts.queue.add(backupOf(0))).state).toBe('skipped');
  });

  test('abandon closes it by hand; a late result still makes its point', async () => {
    await agent.connect(parts);
    const { id } = await running();
    await expect(parts.queue.abandon(id, 'admin')).rejects.toMatchObject({ code: 'invalidValue' });
    await agent.disconnect(parts);
    expect(await parts.queue.abandon(id, 'admin')).toMatchObject({ state: 'failed', error: { code: 'jobLost' } });
    await parts.queue.reported(world.clientId, resultOf(agent.job(0)));
    expect((await getTask(parts.db, id)).state).toBe('failed');
    expect((await listBackups(parts.db, { limit: 10, offset: 0 })).total).toBe(1);
  });
});

describe('a restart of the engine', () => {
  async function restart(): Promise<void> {
    await parts.stop();
    parts = await engineParts(parts.folder);
    await parts.queue.resume();
  }

  test('makes what ran unknown until its client says what became of it', async () => {
    await agent.connect(parts);
    const first = await running(0);
    const second = await running(1);
    await restart();
    expect((await getTask(parts.db, first.id)).state).toBe('unknown');
    await agent.connect(parts, [{ jobUuid: first.jobUuid, state: 'finished', step: null }]);
    expect(await getTask(parts.db, second.id)).toMatchObject({ state: 'failed', error: { code: 'jobLost' } });
    await parts.queue.reported(world.clientId, resultOf(agent.job(0)));
    expect((await getTask(parts.db, first.id)).state).toBe('done');
  });

  test('keeps what waits, and cancelled wishes', async () => {
    const waiting = await parts.queue.add(backupOf(0));
    await agent.connect(parts);
    await reaches(waiting.id, 'running');
    await parts.queue.cancel(waiting.id, 'admin');
    const later = await parts.queue.add(backupOf(1, { wantedClientId: world.clientId }));
    await restart();
    expect((await getTask(parts.db, waiting.id)).state).toBe('cancelling');
    agent.cancelled.length = 0;
    await agent.connect(parts, [{ jobUuid: waiting.jobUuid, state: 'running', step: null }]);
    await vi.waitFor(() => expect(agent.cancelled).toEqual([waiting.jobUuid]));
    expect(['pending', 'assigned', 'running', 'unknown', 'failed']).toContain(
      (await getTask(parts.db, later.id)).state,
    );
  });
});

describe('progress', () => {
  test('of a job shows live, of a foreign or ended one it does not', async () => {
    await agent.connect(parts);
    const { id, jobUuid } = await running();
    const progress = {
      jobUuid,
      step: 'copyingData' as const,
      bytesTotal: 1000,
      bytesDone: 250,
      bytesRead: 250,
      bytesStored: 100,
      disks: [],
    };
    await parts.queue.progressed(world.clientId + 1, { ...progress, bytesDone: 999 });
    expect(parts.queue.progress.viewOf(await getTask(parts.db, id), new Map()).bytesDone).toBe(0);
    await parts.queue.progressed(world.clientId, progress);
    const task = await getTask(parts.db, id);
    expect(parts.queue.progress.viewOf(task, new Map())).toMatchObject({
      percent: 25,
      step: 'copyingData',
      bytesStored: 100,
    });
    expect(task.steps.map((step) => step.step)).toEqual(['copyingData']);
    await parts.queue.progressed(world.clientId, { ...progress, step: 'finalising', bytesDone: 1000 });
    expect((await getTask(parts.db, id)).state).toBe('finalising');
    await parts.queue.reported(world.clientId, resultOf(agent.job(0)));
    await parts.queue.progressed(world.clientId, progress);
    const ended = await getTask(parts.db, id);
    expect(ended).toMatchObject({ state: 'done', bytesDone: 1000 });
    expect(ended.steps.every((step) => step.endedAt !== null)).toBe(true);
  });
});
