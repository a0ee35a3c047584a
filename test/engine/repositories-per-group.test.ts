// A pool that holds a repository for each client group: who makes and opens which, and what a move of a client does.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { backupsApi } from '../../engine/api/backups.ts';
import { chosenRepositories } from '../../engine/api/chosen-repositories.ts';
import { clientsApi } from '../../engine/api/clients.ts';
import type { ApiContext } from '../../engine/api/context.ts';
import { groupsApi } from '../../engine/api/groups.ts';
import { poolsApi } from '../../engine/api/pools.ts';
import { addMaintenance } from '../../engine/api/repositories.ts';
import { placeOfGroup, repositoryPassword } from '../../engine/api/repository-password.ts';
import { getClient } from '../../engine/database/clients.ts';
import { listBackups } from '../../engine/database/backups.ts';
import { listLogs } from '../../engine/database/logs.ts';
import { getPool } from '../../engine/database/pools.ts';
import { openersOf, repositoryOfClient } from '../../engine/database/repositories.ts';
import { getTask } from '../../engine/database/tasks.ts';
import { writeOptionsSchema } from '../../shared/model/job.ts';
import type { TaskState } from '../../shared/model/task.ts';
import { Secret } from '../../shared/schema.ts';
import { FakeAgent, pointOf, resultOf } from '../fakes/agent.ts';
import { FakeStorage, idOfPlace } from '../fakes/fake-storage.ts';
import { addClient, addPlatform, engineParts, type EngineParts, addFullBackup } from '../helpers/engine-parts.ts';

const control = { signal: new AbortController().signal, progress: () => undefined };
const names = ['node1', 'node2', 'lone', 'keeper'] as const;
type Name = (typeof names)[number];
const uuid = '1a2b3c4d-0000-4000-8000-00000000abcd';
const web = '/pool/web-1a2b3c4d';
const password = new Secret('of the pool');

let parts: EngineParts;
let context: ApiContext;
let storage: FakeStorage;
let agents: Map<Name, FakeAgent>;
let platformId: number;
let objectIds: number[];

beforeEach(async () => {
  parts = await engineParts();
  const user = { id: 1, name: 'admin', role: 'owner' as const };
  const caller = { principal: { user, token: '', expiresAt: 0 }, address: 'test' };
  context = { core: parts, sessions: undefined as never, caller };
  storage = new FakeStorage();
  agents = new Map();
  for (const [index, name] of names.entries()) {
    const agent = new FakeAgent(await addClient(parts.db, name, index + 1));
    agent.storage = storage;
    await agent.connect(parts);
    agents.set(name, agent);
  }
  ({ platformId, objectIds } = await addPlatform(parts.db, [...names].map(idOf), 2));
  await groupsApi['groups.add']({ name: 'web', description: '', uuid }, context, control);
  for (const name of ['node1', 'node2'] as const) await move(name, 'web');
});

const agentOf = (name: Name): FakeAgent => {
  const agent = agents.get(name);
  if (agent === undefined) throw new Error(`no agent ${name}`);
  return agent;
};
const idOf = (name: Name) => agentOf(name).clientId;

function move(client: Name, group: string) {
  return clientsApi['clients.edit']({ client, group }, context, control);
}

async function addPool(clients: readonly Name[], maintenanceClient?: Name) {
  const place = { storage: { kind: 'local' as const, path: '/pool' }, password, repositoryPer: 'group' as const };
  const fields = { name: 'apart', clients: [...clients], write: writeOptionsSchema.parse({}), maintenanceClient };
  const { id } = await poolsApi['pools.add']({ ...place, ...fields }, context, control);
  return getPool(parts.db, id);
}

/** Place of the repository of a client without a group. */
async function placeOf(name: Name): Promise<string> {
  const { hwid } = await getClient(parts.db, idOf(name));
  return `/pool/${name}-${hwid.replaceAll('-', '').slice(0, 8)}`;
}

async function reaches(id: number, state: TaskState) {
  await vi.waitFor(async () => expect(await getTask(parts.db, id)).toMatchObject({ state }));
}

function addBackup(poolId: number, name: Name, index = 0) {
  return addFullBackup(parts, { poolId, platformId, objectId: objectIds[index] ?? null, wantedClientId: idOf(name) });
}

async function startBackup(poolId: number, name: Name) {
  const task = await addBackup(poolId, name);
  await reaches(task.id, 'running');
  const job = agentOf(name).jobs.at(-1);
  if (job?.kind !== 'backup') throw new Error('not a backup');
  return job;
}

/** A finished backup. @returns its number */
async function backUp(poolId: number, name: Name): Promise<string> {
  const job = await startBackup(poolId, name);
  const repositoryId = job.repository.repositoryId ?? '';
  await parts.queue.reported(idOf(name), resultOf(job, { backup: pointOf(job, { repositoryId }) }));
  return String((await listBackups(parts.db, { limit: 1, offset: 0 })).rows[0]?.id);
}

const directory = { kind: 'directory' as const, path: '/out', format: 'raw' as const };
const restore = (backup: string, client: Name) =>
  backupsApi['backups.restore']({ backup, target: directory, client }, context, control);

test('one repository for each group that serves the pool, one for each client without, all open to the keeper', async () => {
  const pool = await addPool(['node1', 'node2', 'lone'], 'lone');
  const lone = await placeOf('lone');
  expect(pool.repositories.map(({ address, clientId, groupId }) => ({ address, clientId, groupId }))).toEqual([
    { address: { kind: 'local', path: web }, clientId: null, groupId: 2 },
    { address: { kind: 'local', path: lone }, clientId: idOf('lone'), groupId: null },
  ]);
  expect(storage.opened).toEqual([
    `${idOf('node1')}: ${web}`,
    `${idOf('node2')}: ${web}`,
    `${idOf('lone')}: ${web}`,
    `${idOf('lone')}: ${lone}`,
  ]);
  expect(storage.passwords.get(web)).toBe(repositoryPassword(password, 'web-1a2b3c4d').reveal());
  const [first, second] = pool.repositories;
  expect(openersOf(pool, first)).toEqual([idOf('lone'), idOf('node1'), idOf('node2')]);
  expect(openersOf(pool, second ?? first)).toEqual([idOf('lone')]);
});

test('the place of a group', () => {
  expect(placeOfGroup({ name: 'web', uuid })).toBe('web-1a2b3c4d');
  expect(placeOfGroup({ name: 'Базы', uuid })).toBe('group-1a2b3c4d');
});

test('members back up into one repository and build on the points of each other', async () => {
  const { id } = await addPool(['node1', 'node2', 'lone']);
  const first = await backUp(id, 'node1');
  const job = await startBackup(id, 'node2');
  expect(job.repository.storage).toEqual({ kind: 'local', path: web });
  expect(job.points).toHaveLength(1);
  const { rows } = await listBackups(parts.db, { limit: 1, offset: 0 });
  expect(job.points[0]?.backupUuid).toBe(rows.find((row) => String(row.id) === first)?.uuid);
});

test('a member restores the point of another; a stranger, and a member of a stranger, does not', async () => {
  const { id } = await addPool(['node1', 'node2', 'lone']);
  const ofGroup = await backUp(id, 'node1');
  const { taskIds } = await restore(ofGroup, 'node2');
  await reaches(taskIds[0] ?? 0, 'running');
  const refused = restore(ofGroup, 'lone');
  await expect(refused).rejects.toMatchObject({ code: 'otherRepository' });
  await expect(refused).rejects.toThrow(/client group whose backups it holds \(node1, node2\)/u);
  const options = await backupsApi['backups.restoreOptions']({ backup: ofGroup }, context, control);
  expect(options.clients.map(({ name, missing }) => [name, missing])).toEqual([
    ['keeper', ['noPool']],
    ['lone', ['otherRepository']],
    ['node1', []],
    ['node2', []],
  ]);
  await expect(restore(await backUp(id, 'lone'), 'node1')).rejects.toMatchObject({ code: 'otherRepository' });
});

test('maintenance of the group holds up its members, not the client without a group', async () => {
  const pool = await addPool(['node1', 'node2', 'lone']);
  const chosen = { pool, repositories: [pool.repositories[0]] };
  const operation = { kind: 'prune' as const, dryRun: false, maxUnusedPercent: 5 };
  const { taskIds } = await addMaintenance(parts, 'admin', chosen, operation);
  await reaches(taskIds[0] ?? 0, 'running');
  const held = await addBackup(pool.id, 'node2', 0);
  const free = await addBackup(pool.id, 'lone', 1);
  await reaches(free.id, 'running');
  expect((await getTask(parts.db, held.id)).waitingFor).toContain('(prune) must end first');
});

describe('which repository a command means', () => {
  test('says the group, or the client that has its own', async () => {
    const pool = await addPool(['node1', 'node2', 'lone']);
    const chosen = async (who: { client?: string; group?: string }) =>
      (await chosenRepositories(parts, { pool: 'apart', ...who })).repositories;
    expect(await chosen({ group: 'web' })).toEqual([pool.repositories[0]]);
    expect(await chosen({ client: 'lone' })).toEqual([pool.repositories[1]]);
    expect(await chosen({})).toHaveLength(2);
    await expect(chosen({ client: 'node1' })).rejects.toMatchObject({
      code: 'notFound',
      hint: expect.stringContaining('name the group "web"') as string,
    });
    await expect(chosen({ client: 'lone', group: 'web' })).rejects.toMatchObject({ code: 'invalidValue' });
    await expect(chosen({ group: 'No group' })).rejects.toMatchObject({ code: 'notFound' });
  });
});

describe('a client that moves', () => {
  test('to a new group gets its repository at once, and its next backup goes there', async () => {
    const { id } = await addPool(['node1', 'node2']);
    const old = await backUp(id, 'node1');
    const { uuid: other } = await groupsApi['groups.add']({ name: 'db', description: '' }, context, control);
    await move('node1', 'db');
    const place = `/pool/${placeOfGroup({ name: 'db', uuid: other })}`;
    expect(storage.opened.at(-1)).toBe(`${idOf('node1')}: ${place}`);
    const job = await startBackup(id, 'node1');
    expect(job.repository.storage).toEqual({ kind: 'local', path: place });
    expect(job.points).toEqual([]);
    await expect(restore(old, 'node1')).rejects.toMatchObject({ code: 'otherRepository' });
    await expect(restore(old, 'node2')).resolves.toBeDefined();
  });

  test('to a group that has one opens it, and no second one is made; back and forth adds nothing', async () => {
    const pool = await addPool(['node1', 'node2', 'lone']);
    await move('lone', 'web');
    expect(storage.opened.at(-1)).toBe(`${idOf('lone')}: ${web}`);
    expect((await getPool(parts.db, pool.id)).repositories).toEqual(pool.repositories);
    await move('lone', '1');
    expect((await getPool(parts.db, pool.id)).repositories).toEqual(pool.repositories);
    await move('node2', 'No group');
    const { repositories } = await getPool(parts.db, pool.id);
    expect(repositories.at(-1)).toMatchObject({ clientId: idOf('node2'), groupId: null });
  });

  test('must be online, and able to open it; otherwise everything stays', async () => {
    const { id } = await addPool(['node1', 'lone']);
    const stays = async () => expect((await getClient(parts.db, idOf('lone'))).group_id).toBe(1);
    storage.passwords.set(web, 'changed behind our back');
    await expect(move('lone', 'web')).rejects.toMatchObject({ code: 'wrongPassword' });
    await stays();
    await agentOf('lone').disconnect(parts);
    await expect(move('lone', 'web')).rejects.toMatchObject({
      code: 'clientOffline',
      message: 'client "lone" is offline',
      hint: expect.stringContaining('pool "apart"') as string,
    });
    await stays();
    expect((await getPool(parts.db, id)).repositories).toHaveLength(2);
  });

  test('needs nothing where no pool asks for groups', async () => {
    await agentOf('lone').disconnect(parts);
    expect(await move('lone', 'web')).toMatchObject({ group: 'web' });
  });

  test('with another of the same new group at the same time: one repository', async () => {
    const { id } = await addPool(['node1', 'node2']);
    await groupsApi['groups.add']({ name: 'db', description: '' }, context, control);
    await Promise.all([move('node1', 'db'), move('node2', 'db')]);
    const { repositories } = await getPool(parts.db, id);
    expect(repositories.map(({ groupId }) => groupId)).toEqual([2, 3]);
  });

  test('to a group whose repository an earlier engine left takes its points over', async () => {
    const { id } = await addPool(['node1', 'node2']);
    const job = await startBackup(id, 'node1');
    const left = '5e6f7a8b-0000-4000-8000-000000000000';
    await groupsApi['groups.add']({ name: 'db', description: '', uuid: left }, context, control);
    storage.passwords.set('/pool/db-5e6f7a8b', repositoryPassword(password, 'db-5e6f7a8b').reveal());
    agentOf('node2').points = [pointOf(job)];
    await move('node2', 'db');
    expect((await listBackups(parts.db, { limit: 1, offset: 0 })).total).toBe(1);
  });

  test('while it backs up ends that backup in the repository of its job', async () => {
    const { id } = await addPool(['node1', 'node2']);
    const job = await startBackup(id, 'node1');
    await move('node1', 'No group');
    await parts.queue.reported(
      idOf('node1'),
      resultOf(job, { backup: pointOf(job, { repositoryId: idOfPlace(web) }) }),
    );
    const { rows } = await listBackups(parts.db, { limit: 10, offset: 0 });
    expect(rows.map(({ uuid: made }) => made)).toEqual([job.backupUuid]);
    await expect(restore(String(rows[0]?.id), 'node2')).resolves.toBeDefined();
  });
});

test('an agent that names another repository than its job makes no record', async () => {
  const { id } = await addPool(['node1', 'lone']);
  const job = await startBackup(id, 'lone');
  await parts.queue.reported(idOf('lone'), resultOf(job, { backup: pointOf(job, { repositoryId: idOfPlace(web) }) }));
  expect((await listBackups(parts.db, { limit: 1, offset: 0 })).total).toBe(0);
  const { rows } = await listLogs(parts.db, { level: ['warning'], limit: 1, offset: 0 });
  expect(rows[0]?.message).toContain('no record was made');
});

describe('the clients of the pool', () => {
  const edit = (clients: readonly Name[], more: { maintenanceClient?: string } = {}) =>
    poolsApi['pools.edit']({ pool: 'apart', clients: [...clients], ...more }, context, control);

  test('a member that joins opens the repository of its group, one without a group gets its own', async () => {
    const { id } = await addPool(['node1']);
    await edit(['node1', 'node2', 'lone']);
    expect(storage.opened.slice(1)).toEqual([`${idOf('node2')}: ${web}`, `${idOf('lone')}: ${await placeOf('lone')}`]);
    expect((await getPool(parts.db, id)).repositories).toHaveLength(2);
  });

  test('the maintenance client opens those of all groups', async () => {
    await addPool(['node1', 'lone']);
    await edit(['node1', 'lone', 'keeper'], { maintenanceClient: 'keeper' });
    const keeper = storage.opened.filter((line) => line.startsWith(`${idOf('keeper')}:`));
    expect(keeper).toEqual(
      [web, await placeOf('lone'), await placeOf('keeper')].map((at) => `${idOf('keeper')}: ${at}`),
    );
  });

  test('a group whose repository a pool holds is not removed, though its last client has left', async () => {
    await addPool(['node1']);
    for (const name of ['node1', 'node2'] as const) await move(name, 'No group');
    const refused = groupsApi['groups.remove']({ group: 'web' }, context, control);
    await expect(refused).rejects.toMatchObject({ code: 'inUse' });
    await expect(refused).rejects.toThrow('"apart"');
    await poolsApi['pools.remove']({ pool: 'apart' }, context, control);
    await expect(groupsApi['groups.remove']({ group: 'web' }, context, control)).resolves.toEqual({});
  });
});

test('a client of the pool without a repository is told how it gets one', async () => {
  const pool = await addPool(['node1']);
  expect(() => repositoryOfClient({ ...pool, groups: new Map() }, idOf('node1'))).toThrow('has no repository');
});
