import type { clientsContract } from '../../shared/contract/engine/clients.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { type Decision, decideClient, describeClient, getClient, listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { getGroup, listGroups } from '../database/groups.ts';
import { insertLog } from '../database/logs.ts';
import { adoptFirst } from './adopt-first.ts';
import { clientView } from './client-views.ts';
import { type ApiContext, userName } from './context.ts';
import { moveClient } from './move-client.ts';
import { addSshClient, probeSsh } from './ssh-clients.ts';

const onlineMs = 10_000;

async function decide(context: ApiContext, ref: string, decision: Decision): Promise<number> {
  const { core } = context;
  const id = await findId(core.db, 'clients', ref, 'client');
  const client = await getClient(core.db, id);
  const by = userName(context);
  await decideClient(core.db, id, decision, by);
  await insertLog(core.db, {
    level: 'info',
    source: 'security',
    message: `client "${client.name}" (${client.hwid}): ${decision}`,
    user: by,
    clientId: id,
  });
  // The agent dials again at once and is greeted by its new state.
  core.registry.find(id)?.peer.close(decision);
  core.changes.announce('clients', [id]);
  core.changes.announce('logs');
  return id;
}

async function regroup(context: ApiContext, id: number, ref: string, signal: AbortSignal): Promise<void> {
  const { core } = context;
  const client = await getClient(core.db, id);
  const group = await getGroup(core.db, await findId(core.db, 'client_groups', ref, 'group'));
  const additions = await moveClient(core, client, group.id);
  // Who may open whose backups has changed.
  await insertLog(core.db, {
    level: 'info',
    source: 'security',
    message: `client "${client.name}" (${client.hwid}): client group "${group.name}"`,
    user: userName(context),
    clientId: id,
  });
  for (const topic of ['groups', 'pools', 'logs'] as const) core.changes.announce(topic);
  for (const { poolId, repositories } of additions) await adoptFirst(context, poolId, repositories, signal);
}

async function view({ core }: ApiContext, id: number) {
  const groups = await listGroups(core.db);
  return clientView(await getClient(core.db, id), { registry: core.registry, groups });
}

export const clientsApi: Handlers<typeof clientsContract, ApiContext> = {
  async 'clients.list'(_params, { core }) {
    const groups = await listGroups(core.db);
    const rows = (await listClients(core.db)).map((row) => clientView(row, { registry: core.registry, groups }));
    return { rows, total: rows.length };
  },
  async 'clients.authorize'({ client }, context) {
    const { core } = context;
    const id = await findId(core.db, 'clients', client, 'client');
    if (core.registry.isOnline(id)) return view(context, id);
    await decide(context, String(id), 'authorized');
    if ((await getClient(core.db, id)).transport === 'ssh') core.dialler.keep(id);
    await core.registry.waitOnline(id, onlineMs);
    return view(context, id);
  },
  'clients.probeSsh': probeSsh,
  'clients.addSsh': async (params, context, { signal }) => view(context, await addSshClient(params, context, signal)),
  async 'clients.edit'({ client, description, group }, context, { signal }) {
    const { core } = context;
    const id = await findId(core.db, 'clients', client, 'client');
    if (group !== undefined) await regroup(context, id, group, signal);
    if (description !== undefined) await describeClient(core.db, id, description);
    core.changes.announce('clients', [id]);
    return view(context, id);
  },
  async 'clients.remove'({ client }, context) {
    const id = await decide(context, client, 'removed');
    await context.core.dialler.drop(id);
    return view(context, id);
  },
};
