import type { objectsContract } from '../../shared/contract/engine/objects.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { backupCounts } from '../database/backups.ts';
import { getClient } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { getObject, listObjects, newestTaskIds, type ObjectRow } from '../database/objects.ts';
import { getPlatform, listPlatforms, type PlatformRow } from '../database/platforms.ts';
import { insertLog } from '../database/logs.ts';
import { listRules } from '../database/rules.ts';
import { getTasksByIds } from '../database/tasks.ts';
import type { EngineCore } from '../core.ts';
import { assertAuthorized } from './client-views.ts';
import { type ApiContext, userName } from './context.ts';
import { peerOf, reachable, refreshInventory } from './inventory.ts';
import { namedPageOf } from './paging.ts';

/** A guest agent that hangs answers late. */
const thawMs = 60_000;

async function chosenPlatforms(core: EngineCore, client?: string, platform?: string): Promise<PlatformRow[]> {
  const all = await listPlatforms(core.db);
  const platformId = platform === undefined ? undefined : await findId(core.db, 'platforms', platform, 'platform');
  const clientId = client === undefined ? undefined : await findId(core.db, 'clients', client, 'client');
  if (clientId !== undefined) assertAuthorized(await getClient(core.db, clientId));
  return all.filter(
    (row) =>
      (platformId === undefined || row.id === platformId) &&
      (clientId === undefined || row.clientIds.includes(clientId)),
  );
}

/** Refreshes all that can be asked. @returns how many failed */
async function refreshAll(core: EngineCore, platforms: readonly PlatformRow[]): Promise<number> {
  const results = await Promise.allSettled(
    platforms.filter((row) => reachable(core, row)).map((row) => refreshInventory(core, row)),
  );
  return results.filter((result) => result.status === 'rejected').length;
}

async function viewsOf(core: EngineCore, platforms: readonly PlatformRow[]) {
  const [objects, rules, counts, newest] = await Promise.all([
    listObjects(core.db),
    listRules(core.db),
    backupCounts(core.db),
    newestTaskIds(core.db),
  ]);
  const tasks = await getTasksByIds(core.db, [...newest.values()]);
  const byId = new Map(platforms.map((platform) => [platform.id, platform]));
  const viewOf = (object: ObjectRow, platform: PlatformRow) => {
    const task = tasks.get(newest.get(object.id) ?? 0);
    const { platformId: _unused, ...fields } = object;
    return {
      ...fields,
      platform: platform.name,
      platformId: platform.id,
      platformKind: platform.kind,
      clientIds: platform.clientIds,
      stale: !reachable(core, platform) || platform.lastError !== null,
      rules: rules.filter((rule) => rule.objectIds.includes(object.id)).map(({ id, name }) => ({ id, name })),
      backupCount: counts.get(object.id)?.count ?? 0,
      lastBackupAt: counts.get(object.id)?.lastAt ?? null,
      lastTask:
        task === undefined ? null : { id: task.id, state: task.state, percent: core.queue.progress.percent(task) },
    };
  };
  // Pages are cut by JavaScript's order, whatever the database's collation is.
  const ordered = objects.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id - b.id));
  return ordered.flatMap((object) => {
    const platform = byId.get(object.platformId);
    return platform === undefined ? [] : [viewOf(object, platform)];
  });
}

export const objectsApi: Handlers<typeof objectsContract, ApiContext> = {
  async 'objects.list'({ client, platform, live, cursor }, { core }) {
    const platforms = await chosenPlatforms(core, client, platform);
    if (!live || cursor !== undefined) return namedPageOf(await viewsOf(core, platforms), cursor);
    await refreshAll(core, platforms);
    return namedPageOf(await viewsOf(core, await chosenPlatforms(core, client, platform)), undefined);
  },
  async 'objects.refresh'({ platform }, { core }) {
    const platforms = await chosenPlatforms(core, undefined, platform);
    return { platforms: platforms.length, failed: await refreshAll(core, platforms) };
  },
  async 'objects.thaw'({ object }, context) {
    const { core } = context;
    const row = await getObject(core.db, await findId(core.db, 'objects', object, 'object'));
    const platform = await getPlatform(core.db, row.platformId);
    const peer = await peerOf(core, platform);
    const target = { uuid: platform.uuid, kind: platform.kind, name: platform.name, settings: platform.settings };
    await peer.call('guests.thaw', { platform: target, objectUuid: row.uuid }, { timeoutMs: thawMs });
    await insertLog(core.db, {
      level: 'info',
      source: 'engine',
      message: `"${row.name}" was thawed`,
      user: userName(context),
    });
    core.changes.announce('logs');
    await refreshInventory(core, platform);
    return {};
  },
};
