import type { platformsContract } from '../../shared/contract/engine/platforms.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { getClient, listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { insertLog } from '../database/logs.ts';
import { listObjects } from '../database/objects.ts';
import { deletePlatform, getPlatform, insertPlatform, listPlatforms, type PlatformRow } from '../database/platforms.ts';
import type { EngineCore } from '../core.ts';
import { assertAuthorized, servingClients } from './client-views.ts';
import { checkClients } from './check-clients.ts';
import { type ApiContext, userName } from './context.ts';
import { checkSettings, refreshInventory } from './inventory.ts';

const testMs = 60_000;

async function viewsOf(core: EngineCore, platforms: readonly PlatformRow[]) {
  const clients = await listClients(core.db);
  const objects = await listObjects(core.db);
  return platforms.map(({ clientIds, ...platform }) => ({
    ...platform,
    clients: servingClients(clientIds, clients, core.registry),
    objectCount: objects.filter((object) => object.platformId === platform.id && !object.vanished).length,
  }));
}

/** Numbers of authorized clients. @throws AppError notFound, clientUnauthorized, clientRemoved */
export async function authorizedClientIds(core: EngineCore, refs: readonly string[]): Promise<number[]> {
  const ids = new Set<number>();
  for (const ref of refs) {
    const client = await getClient(core.db, await findId(core.db, 'clients', ref, 'client'));
    assertAuthorized(client);
    ids.add(client.id);
  }
  return [...ids];
}

export const platformsApi: Handlers<typeof platformsContract, ApiContext> = {
  async 'platforms.list'(_params, { core }) {
    const rows = await viewsOf(core, await listPlatforms(core.db));
    return { rows, total: rows.length };
  },
  async 'platforms.add'({ clients, kind, name, settings }, context) {
    const { core } = context;
    const clientIds = await authorizedClientIds(core, clients);
    const id = await insertPlatform(core.db, {
      name: name ?? kind,
      kind,
      settings: checkSettings(kind, settings),
      clientIds,
    });
    try {
      await refreshInventory(core, await getPlatform(core.db, id));
    } catch (error) {
      // A platform that cannot be read was typed wrong: nothing of it stays.
      await deletePlatform(core.db, id);
      throw error;
    }
    await insertLog(core.db, {
      level: 'info',
      source: 'engine',
      message: `platform "${name ?? kind}" was added`,
      user: userName(context),
    });
    const [view] = await viewsOf(core, [await getPlatform(core.db, id)]);
    if (view === undefined) throw new Error('unreachable: one platform gives one view');
    return view;
  },
  async 'platforms.test'({ platform }, { core }) {
    const row = await getPlatform(core.db, await findId(core.db, 'platforms', platform, 'platform'));
    const target = { uuid: row.uuid, kind: row.kind, name: row.name, settings: row.settings };
    const checks = await checkClients(core, row.clientIds, async (peer) => {
      return (await peer.call('platforms.test', { platform: target }, { timeoutMs: testMs })).checks;
    });
    return { checks };
  },
  async 'platforms.remove'({ platform }, context) {
    const { core } = context;
    const id = await findId(core.db, 'platforms', platform, 'platform');
    const { name } = await getPlatform(core.db, id);
    await deletePlatform(core.db, id);
    await insertLog(core.db, {
      level: 'info',
      source: 'engine',
      message: `platform "${name}" was removed`,
      user: userName(context),
    });
    for (const topic of ['platforms', 'objects', 'logs'] as const) core.changes.announce(topic);
    return {};
  },
};
