import type { clientsContract } from '../../shared/contract/engine/clients.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { type Decision, decideClient, describeClient, getClient, listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { insertLog } from '../database/logs.ts';
import { clientView } from './client-views.ts';
import { type ApiContext, userName } from './context.ts';
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

async function view({ core }: ApiContext, id: number) {
  return clientView(await getClient(core.db, id), core.registry);
}

export const clientsApi: Handlers<typeof clientsContract, ApiContext> = {
  async 'clients.list'(_params, { core }) {
    const rows = (await listClients(core.db)).map((row) => clientView(row, core.registry));
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
  async 'clients.edit'({ client, description }, context) {
    const id = await findId(context.core.db, 'clients', client, 'client');
    await describeClient(context.core.db, id, description);
    context.core.changes.announce('clients', [id]);
    return view(context, id);
  },
  async 'clients.remove'({ client }, context) {
    const id = await decide(context, client, 'removed');
    await context.core.dialler.drop(id);
    return view(context, id);
  },
};
