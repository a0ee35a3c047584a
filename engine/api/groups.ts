import type { GroupView, groupsContract } from '../../shared/contract/engine/groups.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import type { EngineCore } from '../core.ts';
import { listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { deleteGroup, getGroup, type GroupRow, insertGroup, listGroups, updateGroup } from '../database/groups.ts';
import { insertLog } from '../database/logs.ts';
import { listPools } from '../database/pools.ts';
import { servingClients } from './client-views.ts';
import { type ApiContext, userName } from './context.ts';

async function viewsOf(core: EngineCore, groups: readonly GroupRow[]): Promise<GroupView[]> {
  const [clients, pools] = await Promise.all([listClients(core.db), listPools(core.db)]);
  return groups.map((group) => {
    const members = clients.filter((client) => client.group_id === group.id && client.decision === 'authorized');
    const memberIds = members.map(({ id }) => id);
    const holding = pools.filter((pool) => pool.repositories.some(({ groupId }) => groupId === group.id));
    return {
      ...group,
      clients: servingClients(memberIds, members, core.registry),
      pools: holding.map(({ name }) => name),
    };
  });
}

async function viewOf(core: EngineCore, id: number): Promise<GroupView> {
  const [view] = await viewsOf(core, [await getGroup(core.db, id)]);
  if (view === undefined) throw new Error('unreachable: one group gives one view');
  return view;
}

async function note(context: ApiContext, message: string): Promise<void> {
  const { core } = context;
  await insertLog(core.db, { level: 'info', source: 'engine', message, user: userName(context) });
  for (const topic of ['groups', 'logs'] as const) core.changes.announce(topic);
}

export const groupsApi: Handlers<typeof groupsContract, ApiContext> = {
  async 'groups.list'(_params, { core }) {
    const rows = await viewsOf(core, await listGroups(core.db));
    return { rows, total: rows.length };
  },
  async 'groups.add'({ name, description, uuid }, context) {
    const id = await insertGroup(context.core.db, { name, description, uuid });
    await note(context, `client group "${name}" was added`);
    return viewOf(context.core, id);
  },
  async 'groups.edit'({ group, name, description }, context) {
    const { core } = context;
    const row = await getGroup(core.db, await findId(core.db, 'client_groups', group, 'group'));
    await updateGroup(core.db, row.id, { name, description });
    const renamed = name === undefined || name === row.name ? '' : `; it is called "${name}" now`;
    await note(context, `client group "${row.name}" was changed${renamed}`);
    return viewOf(core, row.id);
  },
  async 'groups.remove'({ group }, context) {
    const { core } = context;
    const row = await getGroup(core.db, await findId(core.db, 'client_groups', group, 'group'));
    await deleteGroup(core.db, row);
    await note(context, `client group "${row.name}" was removed`);
    core.changes.announce('clients');
    return {};
  },
};
