import type { backupsContract } from '../../shared/contract/engine/backups.ts';
import type { Handlers, Topic } from '../../shared/contract/method.ts';
import { type FakeData, fakeTask } from './fake-engine-data.ts';
import { nextId, pick, rowsOf } from './fake-tables.ts';

/** The restore points of an engine in memory. */
export function fakeBackups(
  data: FakeData,
  announce: (...topics: Topic[]) => void,
): Handlers<typeof backupsContract, unknown> {
  return {
    'backups.list': async ({ object, pool, ...page }) =>
      rowsOf(
        data.backups.filter(
          (backup) =>
            (object === undefined || String(backup.objectId) === object || backup.objectUuid === object) &&
            (pool === undefined || String(backup.poolId) === pool),
        ),
        page,
      ),
    'backups.get': async ({ backup }) => pick(data.backups, backup, 'backup'),
    'backups.diff': async () => ({ disks: [] }),
    'backups.restoreOptions': async ({ backup }) => ({
      backup: pick(data.backups, backup, 'backup'),
      clients: data.clients
        .filter((client) => client.state !== 'removed')
        .map(({ id, name, state, authorized }) => {
          const missing = [
            ...(authorized ? [] : (['unauthorized'] as const)),
            ...(state === 'offline' ? (['offline'] as const) : []),
            ...(id === 4 ? (['noPool'] as const) : []),
          ];
          return { id, name, offered: missing.length === 0, missing };
        }),
      platforms: data.platforms.map(({ id, name, kind, clients }) => ({
        id,
        name,
        kind,
        canStart: kind === 'libvirt',
        clientIds: clients.filter(({ state }) => state === 'online').map((client) => client.id),
      })),
    }),
    'backups.verify': async () => ({ taskIds: [] }),
    'backups.delete': async () => ({ taskIds: [] }),
    'backups.restore': async ({ backup, target }) => {
      data.lastRestore = target;
      const point = pick(data.backups, backup, 'backup');
      const task = fakeTask(nextId(data.tasks), pick(data.objects, String(point.objectId), 'object'), {
        kind: 'restore',
        mode: target.kind,
      });
      data.tasks.unshift(task);
      announce('tasks');
      return { taskIds: [task.id] };
    },
  };
}
