// What is asked about every repository of a pool: one that cannot be asked does not fail the others.
import { beforeEach, expect, test } from 'vitest';
import type { ApiContext } from '../../engine/api/context.ts';
import { repositoriesApi } from '../../engine/api/repositories.ts';
import { listLogs } from '../../engine/database/logs.ts';
import { FakeAgent } from '../fakes/agent.ts';
import { addClient, addClientPool, engineParts, type EngineParts } from '../helpers/engine-parts.ts';

const control = { signal: new AbortController().signal, progress: () => undefined };
const lock = { id: 'ab'.repeat(32), host: 'h', pid: 1, exclusive: false, createdAt: 0, stale: false };

let parts: EngineParts;
let context: ApiContext;
let agents: [FakeAgent, FakeAgent];

beforeEach(async () => {
  parts = await engineParts();
  const user = { id: 1, name: 'admin', role: 'owner' as const };
  context = {
    core: parts,
    sessions: undefined as never,
    caller: { principal: { user, token: '', expiresAt: 0 }, address: '' },
  };
  const ids = [await addClient(parts.db, 'node1', 1), await addClient(parts.db, 'node2', 2)];
  await addClientPool(parts, ids);
  agents = [new FakeAgent(ids[0] ?? 0), new FakeAgent(ids[1] ?? 0)];
  for (const agent of agents) await agent.connect(parts);
});

const locks = (more: { client?: string } = {}) =>
  repositoriesApi['repositories.locks']({ pool: 'apart', removeStale: false, ...more }, context, control);
const adopt = () => repositoriesApi['repositories.adopt']({ pool: 'apart' }, context, control);
const stats = () => repositoriesApi['repositories.stats']({ pool: 'apart' }, context, control);
const silent = (name: string, code: string) => ({
  client: name,
  place: `/backups/apart/of-${name.slice(-1)}`,
  error: { code },
});

test('with everybody there nobody is missing', async () => {
  agents[1].locks = [lock];
  expect(await locks()).toEqual({ locks: [{ ...lock, client: 'node2', group: null }], unanswered: [] });
  expect(await adopt()).toEqual({ adopted: 0, known: 0, damaged: 0, unanswered: [] });
});

test('the repository of a client that is offline is named with the reason', async () => {
  agents[1].locks = [lock];
  await agents[0].disconnect(parts);
  const unanswered = [silent('node1', 'clientOffline')];
  expect(await locks()).toMatchObject({ locks: [{ client: 'node2' }], unanswered });
  expect(await adopt()).toMatchObject({ adopted: 0, unanswered });
  const { rows } = await listLogs(parts.db, { limit: 1, offset: 0 });
  expect(rows[0]?.message).toContain('/backups/apart/of-1 could not be asked: client "node1" is offline');
});

test('one that does not open fails alone, too', async () => {
  agents[0].openError = 'wrongPassword';
  expect(await locks()).toMatchObject({ locks: [], unanswered: [silent('node1', 'wrongPassword')] });
});

test('nothing is an answer when none can be asked', async () => {
  for (const agent of agents) await agent.disconnect(parts);
  for (const ask of [locks, adopt, stats])
    await expect(ask()).rejects.toMatchObject({
      code: 'clientOffline',
      message: expect.stringMatching(/of-1: client "node1" is offline; .*of-2: client "node2" is offline/u) as string,
    });
});

test('the only one that is meant fails as it is', async () => {
  await agents[0].disconnect(parts);
  await expect(locks({ client: 'node1' })).rejects.toThrow(/^client "node1" is offline$/u);
  expect(await locks({ client: 'node2' })).toEqual({ locks: [], unanswered: [] });
});
