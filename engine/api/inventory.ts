import { AppError, messageOf } from '../../shared/errors.ts';
import type { InventoryObject } from '../../shared/model/vm.ts';
import { allPlatforms } from '../../shared/platforms/all.ts';
import { parseValue } from '../../shared/rpc/parse.ts';
import type { EngineCore } from '../core.ts';
import { getClient } from '../database/clients.ts';
import { saveInventory } from '../database/objects.ts';
import { noteInventory, type PlatformRow } from '../database/platforms.ts';

/** A live look may take this long (DETAILS 18). */
const liveMs = 10_000;
const maxObjects = 100_000;

/** Asks the first online client of a platform for all its VMs and stores them. @throws AppError clientOffline, the platform's error */
export async function refreshInventory(core: EngineCore, platform: PlatformRow): Promise<void> {
  try {
    const objects = await askInventory(core, platform);
    await saveInventory(core.db, platform.id, objects);
    await noteInventory(core.db, platform.id, null);
  } catch (error) {
    await noteInventory(core.db, platform.id, messageOf(error));
    throw error;
  } finally {
    core.changes.announce('objects');
    core.changes.announce('platforms', [platform.id]);
  }
}

/** True when some client of the platform is online. */
export function reachable(core: EngineCore, platform: PlatformRow): boolean {
  return platform.clientIds.some((id) => core.registry.isOnline(id));
}

/** Settings checked by the descriptor of their kind. @throws AppError invalidValue naming the field */
export function checkSettings(kind: PlatformRow['kind'], settings: unknown): Record<string, unknown> {
  return parseValue(allPlatforms[kind].settings, settings, 'settings');
}

/** The first online client of a platform. @throws AppError clientOffline */
export async function peerOf(core: EngineCore, platform: PlatformRow) {
  const clientId = platform.clientIds.find((id) => core.registry.isOnline(id)) ?? platform.clientIds[0];
  if (clientId === undefined) throw new AppError('clientOffline', `platform "${platform.name}" has no client`);
  const client = await getClient(core.db, clientId);
  return core.registry.get(client.id, client.name);
}

async function askInventory(core: EngineCore, platform: PlatformRow): Promise<InventoryObject[]> {
  const peer = await peerOf(core, platform);
  const target = { uuid: platform.uuid, kind: platform.kind, name: platform.name, settings: platform.settings };
  const objects: InventoryObject[] = [];
  for (;;) {
    const page = await peer.call(
      'platforms.inventory',
      { platform: target, from: objects.length },
      { timeoutMs: liveMs },
    );
    objects.push(...page.objects);
    if (page.objects.length === 0 || objects.length >= page.total) return objects;
    if (objects.length > maxObjects)
      throw new AppError('internal', `platform "${platform.name}" lists more than ${maxObjects} VMs`);
  }
}
