import { agentContract, type AgentContract } from '../../shared/contract/agent/all.ts';
import { linkContract, type LinkContract } from '../../shared/contract/agent/link.ts';
import { type Hello, managerContract, type ManagerContract } from '../../shared/contract/manager/all.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { contractNumber } from '../../shared/model/client.ts';
import type { Logger } from '../../shared/node/log.ts';
import type { Channel } from '../../shared/rpc/channel.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import type { Changes } from '../changes.ts';
import { type ClientRow, noteClientSeen } from '../database/clients.ts';
import type { Database } from '../database/open.ts';
import type { JobEvents } from './job-events.ts';
import type { AgentLink, AgentRegistry } from './registry.ts';

const helloMs = 10_000;
const servedContract = { ...agentContract, ...linkContract };
/** The agent at the other end, before and after its hello. */
export type ServedPeer = Peer<AgentContract & LinkContract>;

export interface ConnectionDeps {
  db: Database;
  changes: Changes;
  registry: AgentRegistry;
  log: Logger;
  engineUuid: string;
  events: JobEvents;
}

/** Decides about a hello; what it throws is the answer. */
export type Admission = (hello: Hello) => Promise<ClientRow>;

export interface ServeOptions {
  admit: Admission;
  /** How long the agent may take to say hello, in ms. */
  helloMs?: number;
  onGreeted?: (link: AgentLink) => void;
}

interface Connection {
  deps: ConnectionDeps;
  options: ServeOptions;
  peer: ServedPeer;
  link: AgentLink | undefined;
  /** One hello per connection: a stranger must not fill the log through one socket. */
  hasGreeted: boolean;
  isClosed: boolean;
}

const handlers: Handlers<ManagerContract, Connection> = {
  hello: (hello, connection) => greet(connection, hello),
  'manager.ping': () => Promise.resolve({}),
  async 'results.report'({ result }, { deps, link }) {
    await deps.events.reported(linkOf(link).clientId, result);
    return {};
  },
  async 'progress.report'({ progress }, { deps, link }) {
    await deps.events.progressed(linkOf(link).clientId, progress);
    return {};
  },
};

function linkOf(link: AgentLink | undefined): AgentLink {
  if (link?.authorized === true) return link;
  throw new AppError('clientUnauthorized', 'this client is not authorized yet');
}

const dispatch = createDispatcher<ManagerContract, Connection>(
  managerContract,
  handlers,
  (name, _method, connection) => {
    // Before authorization only hello is answered (DESIGN §4).
    if (name !== 'hello') linkOf(connection.link);
  },
);

/** Serves one agent from its first message to the end of its channel. @returns the agent, for the challenge and the heartbeat */
export function serveAgent(deps: ConnectionDeps, channel: Channel, options: ServeOptions): ServedPeer {
  const peer: ServedPeer = new Peer(channel, servedContract, (method, params, control) =>
    dispatch(method, params, connection, control),
  );
  const connection: Connection = { deps, options, peer, link: undefined, hasGreeted: false, isClosed: false };
  const patience = options.helloMs ?? helloMs;
  const helloTimer = setTimeout(() => {
    if (connection.link === undefined) channel.close(`no hello within ${patience / 1000} s`);
  }, patience);
  channel.onClose((reason) => {
    clearTimeout(helloTimer);
    connection.isClosed = true;
    ended(connection, reason);
  });
  return peer;
}

async function greet(connection: Connection, hello: Hello) {
  const { deps, peer, options } = connection;
  if (connection.hasGreeted) throw new AppError('invalidValue', 'hello was said already');
  connection.hasGreeted = true;
  const client = await options.admit(hello);
  const authorized = client.decision === 'authorized';
  const link: AgentLink = { clientId: client.id, peer, authorized };
  connection.link = link;
  if (authorized) await deps.events.connected(client.id, hello.jobs);
  if (connection.isClosed) {
    if (authorized) await deps.events.disconnected(client.id);
    throw new AppError('connectionLost', 'the agent left while it was being greeted');
  }
  deps.registry.add(link);
  deps.changes.announce('clients', [client.id]);
  deps.changes.announce('tasks');
  deps.log.info({ clientId: client.id, hwid: client.hwid, authorized }, 'client connected');
  options.onGreeted?.(link);
  return {
    state: authorized ? ('authorized' as const) : ('unauthorized' as const),
    engineUuid: deps.engineUuid,
    contract: contractNumber,
  };
}

function ended({ deps, link }: Connection, reason: string): void {
  if (link === undefined || !deps.registry.remove(link)) return;
  deps.log.info({ clientId: link.clientId, reason }, 'client disconnected');
  const noted = noteEnd(deps, link).catch((error: unknown) =>
    deps.log.error({ err: error }, 'noting the end of an agent link failed'),
  );
  deps.registry.leave(link.clientId, noted);
}

async function noteEnd(deps: ConnectionDeps, link: AgentLink): Promise<void> {
  await noteClientSeen(deps.db, link.clientId);
  if (link.authorized) await deps.events.disconnected(link.clientId);
  deps.changes.announce('clients', [link.clientId]);
}
