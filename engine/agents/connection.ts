import type { WebSocket } from 'ws';
import { agentContract, type AgentContract } from '../../shared/contract/agent/all.ts';
import { type Hello, managerContract, type ManagerContract } from '../../shared/contract/manager/all.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError, messageOf } from '../../shared/errors.ts';
import { contractNumber } from '../../shared/model/client.ts';
import { webSocketChannel } from '../../shared/node/websocket-channel.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { noteClientSeen } from '../database/clients.ts';
import { type Caller, enrol, type EnrolmentDeps } from './enrolment.ts';
import type { JobEvents } from './job-events.ts';
import type { AgentLink } from './registry.ts';

/** Online = heartbeat within 15 s (DESIGN §5). */
const heartbeatMs = 5000;
const silenceMs = 15_000;
const helloMs = 10_000;

export interface ConnectionDeps extends EnrolmentDeps {
  engineUuid: string;
  events: JobEvents;
}

interface Connection {
  deps: ConnectionDeps;
  caller: Caller;
  peer: Peer<AgentContract>;
  link: AgentLink | undefined;
  /** One hello per connection: a stranger must not fill the log through one socket. */
  hasGreeted: boolean;
  isClosed: boolean;
}

const handlers: Handlers<ManagerContract, Connection> = {
  hello: (hello, connection) => greet(connection, hello),
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

/** Serves one agent's socket from its first frame to its end. */
export function serveAgent(deps: ConnectionDeps, socket: WebSocket, caller: Caller): void {
  const channel = webSocketChannel(socket);
  const peer: Peer<AgentContract> = new Peer(channel, agentContract, (method, params, control) =>
    dispatch(method, params, connection, control),
  );
  const connection: Connection = { deps, caller, peer, link: undefined, hasGreeted: false, isClosed: false };
  const helloTimer = setTimeout(() => {
    if (connection.link === undefined) channel.close('no hello within 10 s');
  }, helloMs);
  const stopHeartbeat = beat(socket, connection);
  channel.onClose((reason) => {
    clearTimeout(helloTimer);
    stopHeartbeat();
    connection.isClosed = true;
    ended(connection, reason);
  });
}

async function greet(connection: Connection, hello: Hello) {
  const { deps, peer, caller } = connection;
  if (connection.hasGreeted) throw new AppError('invalidValue', 'hello was said already');
  connection.hasGreeted = true;
  const client = await enrol(deps, hello, caller);
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

function beat(socket: WebSocket, connection: Connection): () => void {
  let heardAt = Date.now();
  const heard = () => {
    heardAt = Date.now();
  };
  socket.on('pong', heard);
  socket.on('message', heard);
  const timer = setInterval(() => {
    if (Date.now() - heardAt > silenceMs) {
      connection.deps.log.warn({ address: connection.caller.address }, 'agent is silent for 15 s, closing its link');
      socket.terminate();
    } else {
      socket.ping((error: Error | null | undefined) => {
        if (error) connection.deps.log.debug({ reason: messageOf(error) }, 'ping failed');
      });
    }
  }, heartbeatMs);
  return () => clearInterval(timer);
}
