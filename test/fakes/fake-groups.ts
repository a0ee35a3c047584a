import type { GroupView, groupsContract } from '../../shared/contract/engine/groups.ts';
import type { Handlers, Topic } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { type FakeData, type FakeGroup } from './fake-engine-data.ts';
import { fakeGroup } from './fake-pools.ts';
import { nextId, pick, rowsOf } from './fake-tables.ts';

/** The client groups of a fake engine. */
export function fakeGroups(
  data: FakeData,
  announce: (...topics: Topic[]) => void,
): Handlers<typeof groupsContract, unknown> {
  const viewOf = (group: FakeGroup): GroupView => ({
    ...group,
    clients: data.clients.filter(({ groupId, authorized }) => groupId === group.id && authorized),
    pools: data.pools
      .filter((pool) => pool.repositories.some(({ groupId }) => groupId === group.id))
      .map(({ name }) => name),
  });
  const refuseTaken = (name: string | undefined, id?: number) => {
    if (data.groups.some((group) => group.name === name && group.id !== id))
      throw new AppError('nameTaken', `a client group named "${name ?? ''}" exists already`, { field: 'name' });
  };
  return {
    'groups.list': async () => rowsOf(data.groups.map(viewOf)),
    'groups.add': async ({ name, description }) => {
      refuseTaken(name);
      const made = fakeGroup(nextId(data.groups), name, { description });
      data.groups.push(made);
      announce('groups');
      return viewOf(made);
    },
    'groups.edit': async ({ group, name, description }) => {
      const row = pick(data.groups, group, 'client group');
      refuseTaken(name, row.id);
      row.name = name ?? row.name;
      row.description = description ?? row.description;
      for (const client of data.clients) if (client.groupId === row.id) client.group = row.name;
      announce('groups');
      return viewOf(row);
    },
    'groups.remove': async ({ group }) => {
      const row = pick(data.groups, group, 'client group');
      const { clients } = viewOf(row);
      if (clients.length > 0)
        throw new AppError(
          'inUse',
          `client group "${row.name}" has these clients: ${clients.map(({ name }) => name).join(', ')}`,
        );
      data.groups.splice(data.groups.indexOf(row), 1);
      announce('groups');
      return {};
    },
  };
}
