import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Watch } from '../../engine/api/watch.ts';
import { listObjects } from '../../engine/database/objects.ts';
import { getPlatform } from '../../engine/database/platforms.ts';
import { getPool } from '../../engine/database/pools.ts';
import { FakeAgent } from '../fakes/agent.ts';
import { engineParts, type EngineParts, objectUuid, type Seed, seed } from '../helpers/engine-parts.ts';

let parts: EngineParts;
let world: Seed;
let agent: FakeAgent;
let watch: Watch;

beforeEach(async () => {
  parts = await engineParts();
  world = await seed(parts, 1);
  agent = new FakeAgent(world.clientId);
  agent.objects = [
    { uuid: objectUuid(7), name: 'new', state: 'running', guestAgent: 'none', frozenSince: null, disks: [] },
  ];
  watch = new Watch(parts);
});
afterEach(() => watch.stop());

const names = async () => (await listObjects(parts.db)).filter((row) => !row.vanished).map((row) => row.name);

test('a client that comes online is asked for its VMs and the space of its pools', async () => {
  await agent.connect(parts);
  parts.changes.announce('clients');
  await vi.waitFor(async () => expect(await names()).toEqual(['new']));
  await vi.waitFor(async () => expect(await getPool(parts.db, world.poolId)).toMatchObject(agent.capacity));
  expect((await getPlatform(parts.db, world.platformId)).lastError).toBeNull();
});

test('other news of clients do not ask it again, a backup measures the pool again', async () => {
  await agent.connect(parts);
  parts.changes.announce('clients');
  await vi.waitFor(() => expect(agent.inventories).toBe(1));
  agent.capacity = { freeBytes: 5, totalBytes: 100 };
  parts.changes.announce('clients');
  parts.changes.announce('backups');
  await vi.waitFor(async () => expect((await getPool(parts.db, world.poolId)).freeBytes).toBe(5));
  expect(agent.inventories).toBe(1);
});

test('a client that went and came is asked again', async () => {
  await agent.connect(parts);
  parts.changes.announce('clients');
  await vi.waitFor(() => expect(agent.inventories).toBe(1));
  await agent.disconnect(parts);
  parts.changes.announce('clients');
  await vi.waitFor(() => expect(parts.registry.onlineIds()).toEqual([]));
  await new Promise((resolve) => setTimeout(resolve, 600));
  await agent.connect(parts);
  parts.changes.announce('clients');
  await vi.waitFor(() => expect(agent.inventories).toBe(2));
});
