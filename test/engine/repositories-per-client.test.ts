// A pool that holds a repository for each client: who opens which, and what a job carries.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { addMaintenance } from '../../engine/api/repositories.ts';
import { backupsApi } from '../../engine/api/backups.ts';
import type { ApiContext } from '../../engine/api/context.ts';
import { taskViews } from '../../engine/api/task-views.ts';
import { listBackups } from '../../engine/database/backups.ts';
import { listLogs } from '../../engine/database/logs.ts';
import { deletePool, getPool, updatePool } from '../../engine/database/pools.ts';
import { repositoryOfClient, secretOwner } from '../../engine/database/repositories.ts';
import { findSecret } from '../../engine/database/secrets.ts';
import { getTask } from '../../engine/database/tasks.ts';
import { findExecutors } from '../../engine/tasks/executors.ts';
import { repositoryBusy } from '../../engine/tasks/slots.ts';
import type { Operation } from '../../shared/model/maintenance.ts';
import type { TaskState } from '../../shared/model/task.ts';
import { Secret } from '../../shared/schema.ts';
import { FakeAgent, pointOf, resultOf } from '../fakes/agent.ts';
import {
  addClient,
  addClientPool,
  addPlatform,
  engineParts,
  type EngineParts,
  resticIdOf,
  addFullBackup,
} from '../helpers/engine-parts.ts';

const check: Operation = { kind: 'check', readPercent: 0 };
const control = { signal: new AbortController().signal, progress: () => undefined };
const prune: Operation = { kind: 'prune', dryRun: false, maxUnusedPercent: 5 };

let parts: EngineParts;
let [one, two, keeper]: [number, number, number] = [0, 0, 0];
let agents: Map<number, FakeAgent>;
let platformId: number;
let objectIds: number[];

beforeEach(async () => {
  parts = await engineParts();
  [one, two, keeper] = [
    await addClient(parts.db, 'node1', 1),
    await addClient(parts.db, 'node2', 2),
    await addClient(parts.db, 'keeper', 3),
  ];
  ({ platformId, objectIds } = await addPlatform(parts.db, [one, two], 2));
  agents = new Map();
  for (const id of [one, two, keeper]) {
    const agent = new FakeAgent(id);
    await agent.connect(parts);
    agents.set(id, agent);
  }
});

const agentOf = (id: number): FakeAgent => {
  const agent = agents.get(id);
  if (agent === undefined) throw new Error(`no agent ${id}`);
  return agent;
};

async function reaches(id: number, state: TaskState) {
  await vi.waitFor(async () => expect(await getTask(parts.db, id)).toMatchObject({ state }));
}

function addBackup(poolId: number, wantedClientId: number | null, index = 0) {
  return addFullBackup(parts, { poolId, platformId, objectId: objectIds[index] ?? null, wantedClientId });
}

async function startBackup(poolId: number, clientId: number) {
  const task = await addBackup(poolId, clientId);
  await reaches(task.id, 'running');
  const agent = agentOf(clientId);
  const job = agent.job(agent.jobs.length - 1);
  if (job.kind !== 'backup') throw new Error('not a backup');
  return { task, job };
}

/** A finished backup of a client. @returns its number */
async function backUp(poolId: number, clientId: number): Promise<number> {
  const { job } = await startBackup(poolId, clientId);
  const backup = pointOf(job, { repositoryId: resticIdOf(clientId) });
  await parts.queue.reported(clientId, resultOf(job, { backup }));
  return (await listBackups(parts.db, { limit: 1, offset: 0 })).rows[0]?.id ?? 0;
}

function context(): ApiContext {
  const user = { id: 1, name: 'admin', role: 'owner' as const };
  const caller = { principal: { user, token: '', expiresAt: 0 }, address: 'test' };
  return { core: parts, sessions: undefined as never, caller };
}

test('each repository has its own place below that of the pool', async () => {
  const pool = await getPool(parts.db, await addClientPool(parts, [one, two]));
  expect(pool).toMatchObject({ path: '/backups/apart', repositoryPer: 'client' });
  expect(pool.repositories.map(({ clientId, address }) => ({ clientId, address }))).toEqual([
    { clientId: one, address: { kind: 'local', path: `/backups/apart/of-${one}` } },
    { clientId: two, address: { kind: 'local', path: `/backups/apart/of-${two}` } },
  ]);
  const moved = { name: undefined, write: undefined, clientIds: undefined, maintenanceClientId: undefined };
  const address = { kind: 'local' as const, path: '/moved' };
  const nothing = { secrets: [], repositories: [], credential: null, seal: () => '' };
  await updatePool(parts.db, pool, { ...moved, address }, nothing);
  const [first] = (await getPool(parts.db, pool.id)).repositories;
  expect(first.address).toEqual({ kind: 'local', path: `/moved/of-${one}` });
});

test('a job carries the place and the password of one repository only', async () => {
  const poolId = await addClientPool(parts, [one, two]);
  const { task, job } = await startBackup(poolId, two);
  const [view] = await taskViews(parts, [await getTask(parts.db, task.id)]);
  expect(view?.repository).toMatchObject({ place: `/backups/apart/of-${two}`, client: 'node2', group: null });
  expect(job.repository.storage).toEqual({ kind: 'local', path: `/backups/apart/of-${two}` });
  expect(job.repository.password.reveal()).toBe(`password of ${two}`);
  expect(job.repository.repositoryId).toBe(resticIdOf(two));
});

test('bases are looked for among the points of the own repository', async () => {
  const poolId = await addClientPool(parts, [one, two]);
  await backUp(poolId, one);
  const { job } = await startBackup(poolId, two);
  expect(job.points).toEqual([]);
  await parts.queue.reported(two, resultOf(job, { backup: pointOf(job, { repositoryId: resticIdOf(two) }) }));
  const own = await startBackup(poolId, two);
  expect(own.job.points.map(({ backupUuid }) => backupUuid)).toEqual([job.backupUuid]);
});

test('an agent that says its backup lies in the repository of another client makes no record', async () => {
  const poolId = await addClientPool(parts, [one, two]);
  const { job } = await startBackup(poolId, two);
  await parts.queue.reported(two, resultOf(job, { backup: pointOf(job, { repositoryId: resticIdOf(one) }) }));
  expect((await listBackups(parts.db, { limit: 10, offset: 0 })).total).toBe(0);
  const { rows } = await listLogs(parts.db, { level: ['warning'], limit: 10, offset: 0 });
  expect(rows[0]?.message).toContain('no record was made');
});

describe('a restore', () => {
  const directory = { kind: 'directory' as const, path: '/out', format: 'raw' as const };
  const restore = (backup: number, client: string) =>
    backupsApi['backups.restore']({ backup: String(backup), target: directory, client }, context(), control);

  test('by another client is refused, and the reason names who may', async () => {
    const poolId = await addClientPool(parts, [one, two, keeper], keeper);
    const backup = await backUp(poolId, one);
    const refused = restore(backup, 'node2');
    await expect(refused).rejects.toMatchObject({ code: 'otherRepository' });
    await expect(refused).rejects.toThrow(
      /whose backups it holds \(node1\).*maintenance client of the pool is keeper.*"node2"/u,
    );
    const options = await backupsApi['backups.restoreOptions']({ backup: String(backup) }, context(), control);
    expect(options.clients.map(({ name, missing }) => [name, missing])).toEqual([
      ['keeper', []],
      ['node1', []],
      ['node2', ['otherRepository']],
    ]);
    expect(options.platforms[0]?.clientIds).toEqual([one]);
  });

  test('runs on the maintenance client with the repository of the owner', async () => {
    const poolId = await addClientPool(parts, [one, two, keeper], keeper);
    const { taskIds } = await restore(await backUp(poolId, one), 'keeper');
    await reaches(taskIds[0] ?? 0, 'running');
    expect(agentOf(keeper).job(0)).toMatchObject({ kind: 'restore', repository: { repositoryId: resticIdOf(one) } });
  });
});

describe('maintenance', () => {
  test('is one task for each repository, on its owner', async () => {
    const pool = await getPool(parts.db, await addClientPool(parts, [one, two]));
    const { taskIds } = await addMaintenance(parts, 'admin', { pool, repositories: pool.repositories }, prune);
    expect(taskIds).toHaveLength(2);
    // Both are exclusive, each in its own repository.
    for (const id of taskIds) await reaches(id, 'running');
    for (const id of [one, two])
      expect(agentOf(id).jobs.map((job) => job.repository.repositoryId)).toEqual([resticIdOf(id)]);
    const tasks = await Promise.all(taskIds.map((id) => getTask(parts.db, id)));
    expect((await taskViews(parts, tasks)).map(({ pool: name, repository }) => ({ name, ...repository }))).toEqual([
      { name: 'apart', id: pool.repositories[0].id, place: `/backups/apart/of-${one}`, client: 'node1', group: null },
      { name: 'apart', id: pool.repositories[1]?.id, place: `/backups/apart/of-${two}`, client: 'node2', group: null },
    ]);
  });

  test('whose pool was removed names none', async () => {
    const pool = await getPool(parts.db, await addClientPool(parts, [one]));
    const { taskIds } = await addMaintenance(parts, 'admin', { pool, repositories: pool.repositories }, check);
    await reaches(taskIds[0] ?? 0, 'running');
    const task = await getTask(parts.db, taskIds[0] ?? 0);
    const [view] = await taskViews(parts, [{ ...task, poolId: null }]);
    expect(view).toMatchObject({ pool: null, repository: null });
  });

  test('of all is done by the maintenance client', async () => {
    const pool = await getPool(parts.db, await addClientPool(parts, [one, two, keeper], keeper));
    const { taskIds } = await addMaintenance(parts, 'admin', { pool, repositories: pool.repositories }, check);
    for (const id of taskIds) await reaches(id, 'running');
    expect(agentOf(keeper).jobs.map((job) => job.repository.repositoryId)).toEqual([one, two, keeper].map(resticIdOf));
  });

  test('of one repository holds up only the backups of its client', async () => {
    const pool = await getPool(parts.db, await addClientPool(parts, [one, two]));
    const { taskIds } = await addMaintenance(parts, 'admin', { pool, repositories: [pool.repositories[0]] }, prune);
    await reaches(taskIds[0] ?? 0, 'running');
    const own = await addBackup(pool.id, one, 0);
    const any = await addBackup(pool.id, null, 1);
    // The other client's repository is free.
    await reaches(any.id, 'running');
    expect(await getTask(parts.db, any.id)).toMatchObject({ clientId: two });
    expect((await getTask(parts.db, own.id)).waitingFor).toContain('(prune) must end first');
    const second = await addMaintenance(parts, 'admin', { pool, repositories: pool.repositories.slice(1) }, prune);
    await vi.waitFor(async () =>
      expect((await getTask(parts.db, second.taskIds[0] ?? 0)).waitingFor).toContain(`task ${any.id} (backup)`),
    );
  });

  test('of a client that left waits for nobody and says why', async () => {
    const pool = await getPool(parts.db, await addClientPool(parts, [one, two]));
    const without = { ...pool, clientIds: [two] };
    const changes = { name: undefined, write: undefined, maintenanceClientId: undefined, address: undefined };
    const nothing = { secrets: [], repositories: [], credential: null, seal: () => '' };
    await updatePool(parts.db, pool, { ...changes, clientIds: without.clientIds }, nothing);
    const now = await getPool(parts.db, pool.id);
    const left = repositoryOfClient(now, one);
    await expect(addMaintenance(parts, 'admin', { pool: now, repositories: [left] }, check)).rejects.toThrow(
      /no maintenance client/u,
    );
    const { taskIds } = await addMaintenance(parts, 'admin', { pool: now, repositories: now.repositories }, check);
    await reaches(taskIds[0] ?? 0, 'failed');
    await reaches(taskIds[1] ?? 0, 'running');
  });
});

test('a task that names no repository waits for an exclusive one of any repository of its pool', () => {
  const running = { id: 1, kind: 'prune' as const, poolId: 1, createdAt: 0, spec: { repositoryId: 5 } };
  const task = (repositoryId?: number) => ({
    id: 2,
    kind: 'check' as const,
    poolId: 1,
    createdAt: 0,
    spec: repositoryId === undefined ? {} : { repositoryId },
  });
  const busy = (repositoryId?: number) =>
    repositoryBusy(task(repositoryId), [running as unknown as Parameters<typeof repositoryBusy>[1][number]], []);
  expect(busy()).toContain('task 1');
  expect(busy(5)).toContain('task 1');
  expect(busy(6)).toBeUndefined();
});

test('a repository that is not in the pool is not found', async () => {
  const poolId = await addClientPool(parts, [one]);
  const wanted = { poolId, platformId: null, clientId: null };
  await expect(findExecutors(parts.db, parts.registry, { ...wanted, repositoryId: 99 })).rejects.toMatchObject({
    code: 'notFound',
  });
  const pool = await getPool(parts.db, poolId);
  expect(() => repositoryOfClient(pool, two)).toThrow('has no repository');
});

test('the secrets of every repository go with the pool', async () => {
  const pool = await getPool(parts.db, await addClientPool(parts, [one, two]));
  const owners = [...pool.repositories.map(({ id }) => secretOwner(id)), `pool:${pool.id}`];
  const kept = () => Promise.all(owners.map((owner) => findSecret(parts.db, owner, 'password')));
  expect((await kept()).every((sealed) => sealed !== undefined)).toBe(true);
  expect(parts.vault.open((await kept()).at(-1) ?? '', `pool:${pool.id}`)).toEqual(new Secret('password of apart'));
  await deletePool(parts.db, pool);
  expect(await kept()).toEqual([undefined, undefined, undefined]);
});
