import { randomUUID } from 'node:crypto';
import type { ClientView } from '../../shared/contract/engine/clients.ts';
import type { PoolView } from '../../shared/contract/engine/pools.ts';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import { noGroupId } from '../../shared/model/group.ts';
import {
  type FakeData,
  fakeObject,
  fakePlatform,
  fakeTask,
  type FakeGroup,
  gib,
  hex64,
  minute,
} from './fake-engine-data.ts';

export function fakePool(id: number, name: string, clients: ClientView[], change: Partial<PoolView> = {}): PoolView {
  return {
    id,
    uuid: randomUUID(),
    name,
    kind: 'local',
    address: { kind: 'local', path: `/srv/backups/${name}` },
    path: `/srv/backups/${name}`,
    clients: clients.map((client) => ({ id: client.id, name: client.name, state: client.state })),
    maintenanceClientId: null,
    repositoryId: hex64,
    repositoryPer: 'pool',
    repositories: [
      {
        id,
        clientId: null,
        client: null,
        groupId: null,
        group: null,
        place: `/srv/backups/${name}`,
        repositoryId: hex64,
      },
    ],
    createdAt: Date.now() - 40 * 24 * 60 * minute,
    backupCount: 0,
    objectCount: 0,
    storedBytes: 0,
    write: { verifyWrites: 'sample', compression: '1', cellBytes: null, maxBytesPerSecond: null },
    freeBytes: 5100 * gib,
    totalBytes: 24_000 * gib,
    ...change,
  };
}

export function fakeGroup(id: number, name: string, change: Partial<FakeGroup> = {}): FakeGroup {
  return { id, uuid: randomUUID(), name, description: '', ...change };
}

/** A repository for each client of a pool, or for each client group. */
export function fakeClientRepositories(
  { clients, path, repositoryPer }: PoolView,
  all: readonly ClientView[] = [],
): PoolView['repositories'] {
  const rows = clients.map(({ id, name }, index) => {
    const { groupId = noGroupId, group = '' } = all.find((client) => client.id === id) ?? {};
    const isShared = repositoryPer === 'group' && groupId !== noGroupId;
    const owner = isShared
      ? { clientId: null, client: null, groupId, group }
      : { clientId: id, client: name, groupId: null, group: null };
    const place = `${path}/${isShared ? group : name}-0${id}0${id}0${id}0${id}`;
    return { id: 100 + id, ...owner, place, repositoryId: String(index % 10).repeat(64) };
  });
  return rows.filter(
    (row, index) => row.groupId === null || rows.findIndex(({ groupId }) => groupId === row.groupId) === index,
  );
}

/** Gives the first pool a repository for each of its clients. */
export function splitFirstPool({ pools: [pool] }: FakeData): void {
  if (pool === undefined) throw new Error('no pool');
  pool.repositoryPer = 'client';
  pool.repositories = fakeClientRepositories(pool);
}

/** A check of the first repository of a pool. */
export function fakeMaintenance(id: number, pool: PoolView, change: Partial<TaskView>): TaskView {
  const [repository = null] = pool.repositories;
  return {
    ...fakeTask(id, fakeObject(1, '', fakePlatform(1, '', [])), change),
    ...{ kind: 'check', mode: 'check', objectId: null, object: null, platform: null, rule: null, ruleId: null },
    ...{ poolId: pool.id, pool: pool.name, consistency: null, frozenMilliseconds: null, disks: [] },
    ...{ bytesTotal: null, bytesDone: 0, bytesRead: 0, bytesStored: 0 },
    repository: repository && {
      ...{ id: repository.id, place: repository.place },
      ...{ client: repository.client, group: repository.group },
    },
  };
}
