// A pool gets another place, or something else that opens it.
import { expect, test } from 'vitest';
import type { ApiContext } from '../../engine/api/context.ts';
import { poolsApi } from '../../engine/api/pools.ts';
import { getPool, insertPool } from '../../engine/database/pools.ts';
import { repositoryTarget } from '../../engine/tasks/kinds/repository-target.ts';
import { writeOptionsSchema } from '../../shared/model/job.ts';
import type { StorageAddress, StorageTarget } from '../../shared/model/storage.ts';
import { Secret } from '../../shared/schema.ts';
import { FakeAgent } from '../fakes/agent.ts';
import { addClient, engineParts, type EngineParts, resticId } from '../helpers/engine-parts.ts';

const address = { kind: 's3' as const, url: 'https://store/bucket/one', accessKey: 'key', region: 'eu-1' };
const control = { signal: new AbortController().signal, progress: () => undefined };

function contextOf(parts: EngineParts): ApiContext {
  const user = { id: 1, name: 'admin', role: 'owner' as const };
  return {
    core: parts,
    sessions: undefined as never,
    caller: { principal: { user, token: '', expiresAt: 0 }, address: '' },
  };
}

/** An engine with a pool, by default on S3, on one client, which is online. */
async function start(stored: StorageAddress = { ...address, caCertificate: null }) {
  const parts = await engineParts();
  const clientId = await addClient(parts.db, 'node1');
  const agent = new FakeAgent(clientId);
  await agent.connect(parts);
  const password = new Secret('of the repository');
  const poolId = await insertPool(
    parts.db,
    {
      name: 'store',
      address: stored,
      clientIds: [clientId],
      maintenanceClientId: null,
      repositoryPer: 'pool',
      repositories: [{ clientId: null, groupId: null, place: null, resticId, password }],
      freeBytes: null,
      totalBytes: null,
      write: writeOptionsSchema.parse({}),
    },
    { password, credential: new Secret('old key') },
    (secret, owner) => parts.vault.seal(secret, owner),
  );
  const edit = (storage: StorageTarget) =>
    poolsApi['pools.edit']({ pool: String(poolId), storage }, contextOf(parts), control);
  const target = async () => repositoryTarget(parts, (await getPool(parts.db, poolId)).repositories[0]);
  return { agent, edit, target };
}

const at = (url: string, credential: Secret | null): StorageTarget => ({
  ...address,
  url,
  caCertificate: null,
  credential,
});

test('a new address is opened with the credential that is stored, which stays', async () => {
  const { agent, edit, target } = await start();
  const url = 'https://store/bucket/two';
  expect(await edit(at(url, null))).toMatchObject({ path: url });
  const [asked] = agent.prepared;
  expect(asked?.repositoryId).toBe(resticId);
  expect(asked?.storage.kind === 's3' && asked.storage.credential?.reveal()).toBe('old key');
  expect(await target()).toMatchObject({ storage: { url, credential: 'old key' }, password: 'of the repository' });
});

test('a new credential is opened with before it is stored', async () => {
  const { agent, edit, target } = await start();
  await edit(at(address.url, new Secret('new key')));
  const [asked] = agent.prepared;
  expect(asked?.storage.kind === 's3' && asked.storage.credential?.reveal()).toBe('new key');
  expect(await target()).toMatchObject({ storage: { url: address.url, credential: 'new key' } });
});

test('a storage of another kind is refused', async () => {
  const { agent, edit } = await start();
  await expect(edit({ kind: 'local', path: '/srv' })).rejects.toMatchObject({ code: 'invalidValue', field: 'storage' });
  expect(agent.prepared).toEqual([]);
});

test('the password of a REST server is not sent to another one', async () => {
  const rest = { kind: 'rest' as const, url: 'https://old:8000/a', user: 'u', fingerprint: null };
  const { agent, edit } = await start(rest);
  for (const url of ['https://other:8000/a', 'http://old:8000/a', 'https://old:8001/a'])
    await expect(edit({ ...rest, url, credential: null })).rejects.toMatchObject({
      code: 'invalidValue',
      field: 'credential',
    });
  expect(agent.prepared).toEqual([]);
  await edit({ ...rest, url: 'https://old:8000/b', credential: null });
  await edit({ ...rest, url: 'https://other:8000/a', credential: new Secret('new') });
  const sent = agent.prepared.map(({ storage }) => storage.kind === 'rest' && storage.credential?.reveal());
  expect(sent).toEqual(['old key', 'new']);
});
