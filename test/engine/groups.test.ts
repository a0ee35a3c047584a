// Client groups as records: what is always there, what is refused.
import { beforeEach, describe, expect, test } from 'vitest';
import { clientsApi } from '../../engine/api/clients.ts';
import type { ApiContext } from '../../engine/api/context.ts';
import { groupsApi } from '../../engine/api/groups.ts';
import { decideClient } from '../../engine/database/clients.ts';
import { listLogs } from '../../engine/database/logs.ts';
import { addClient, engineParts, type EngineParts } from '../helpers/engine-parts.ts';

const control = { signal: new AbortController().signal, progress: () => undefined };
let parts: EngineParts;
let context: ApiContext;

beforeEach(async () => {
  parts = await engineParts();
  const user = { id: 1, name: 'admin', role: 'owner' as const };
  const caller = { principal: { user, token: '', expiresAt: 0 }, address: 'test' };
  context = { core: parts, sessions: undefined as never, caller };
});

const add = (name: string, uuid?: string) => groupsApi['groups.add']({ name, description: '', uuid }, context, control);
const edit = (group: string, changes: { name?: string; description?: string }) =>
  groupsApi['groups.edit']({ group, ...changes }, context, control);
const remove = (group: string) => groupsApi['groups.remove']({ group }, context, control);
const list = async () => (await groupsApi['groups.list']({}, context, control)).rows;
const move = (client: string, group: string) => clientsApi['clients.edit']({ client, group }, context, control);

test('"No group" is there, holds every new client, and keeps its name', async () => {
  await addClient(parts.db, 'node1');
  await add('Alpha');
  const [first, second] = await list();
  expect(first).toMatchObject({ id: 1, name: 'No group', clients: [{ name: 'node1' }] });
  expect(second).toMatchObject({ id: 2, name: 'Alpha', clients: [], pools: [] });
  await expect(remove('1')).rejects.toMatchObject({ code: 'invalidValue' });
  await expect(edit('No group', { name: 'none' })).rejects.toMatchObject({ code: 'invalidValue' });
  expect(await edit('1', { description: 'for themselves' })).toMatchObject({ description: 'for themselves' });
});

describe('a name', () => {
  test('is taken once, also that of "No group"', async () => {
    await add('web');
    await add('db');
    await expect(add('web')).rejects.toMatchObject({ code: 'nameTaken', field: 'name' });
    await expect(add('No group')).rejects.toMatchObject({ code: 'nameTaken' });
    await expect(edit('db', { name: 'web' })).rejects.toMatchObject({ code: 'nameTaken' });
    expect(await edit('db', { name: 'data' })).toMatchObject({ name: 'data' });
    await expect(edit('db', {})).rejects.toMatchObject({ code: 'notFound', field: 'group' });
  });

  test('finds the group, as do its number and its UUID', async () => {
    const { id, uuid } = await add('web');
    await addClient(parts.db, 'node1');
    for (const ref of ['web', String(id), uuid.toUpperCase()]) {
      expect(await move('node1', ref)).toMatchObject({ groupId: id, group: 'web' });
      expect(await move('node1', 'No group')).toMatchObject({ groupId: 1, group: 'No group' });
    }
    await expect(move('node1', 'nobody')).rejects.toMatchObject({ code: 'notFound', field: 'group' });
  });
});

test('a given UUID is kept, and no second group has it', async () => {
  const uuid = '1A2B3C4D-0000-4000-8000-00000000ABCD';
  expect(await add('web', uuid)).toMatchObject({ uuid: uuid.toLowerCase() });
  await expect(add('other', uuid.toLowerCase())).rejects.toMatchObject({ code: 'invalidValue', field: 'uuid' });
});

test('a group with clients is not removed; one that was removed does not hold it', async () => {
  const id = await addClient(parts.db, 'node1');
  await add('web');
  await move('node1', 'web');
  const refused = remove('web');
  await expect(refused).rejects.toMatchObject({ code: 'inUse' });
  await expect(refused).rejects.toThrow('"node1"');
  await decideClient(parts.db, id, 'removed', 'admin');
  expect((await list())[1]).toMatchObject({ clients: [] });
  await remove('web');
  // Brought back it finds itself in no group.
  await decideClient(parts.db, id, 'authorized', 'admin');
  expect((await list()).map(({ name, clients }) => [name, clients.length])).toEqual([['No group', 1]]);
});

test('a change of group is written down as a matter of security; the description stays', async () => {
  await addClient(parts.db, 'node1');
  await add('web');
  await clientsApi['clients.edit']({ client: 'node1', description: 'rack 4' }, context, control);
  expect(await move('node1', 'web')).toMatchObject({ description: 'rack 4', group: 'web' });
  const { rows } = await listLogs(parts.db, { limit: 1, offset: 0 });
  expect(rows[0]).toMatchObject({ source: 'security', user: 'admin' });
  expect(rows[0]?.message).toMatch(/client "node1" .*client group "web"/u);
});
