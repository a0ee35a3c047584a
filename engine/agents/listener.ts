import { createServer, type Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { listen, type ListenAddress } from '../../shared/node/listen.ts';
import { fingerprintOf, type TlsIdentity } from '../../shared/node/tls.ts';
import { maxMessageBytes } from '../../shared/rpc/channel.ts';
import { webSocketChannel } from '../../shared/node/websocket-channel.ts';
import { type ConnectionDeps, serveAgent } from './connection.ts';
import { type Caller, enrol, type EnrolmentDeps } from './enrolment.ts';
import { beatWebSocket } from './heartbeat.ts';

/** Sockets at once, and new ones per address and minute: the port is open to the network. */
const maxSockets = 2000;
const maxPerMinute = 240;

export interface AgentListener {
  port: number;
  close(): Promise<void>;
}

/**
 * The port that agents dial: TLS 1.3 with a client certificate of any issuer (it is pinned, not chained), then a
 * WebSocket at /agent.
 * @throws AppError portInUse
 */
export async function listenForAgents(
  deps: ConnectionDeps & EnrolmentDeps,
  identity: TlsIdentity,
  address: ListenAddress,
): Promise<AgentListener> {
  const server = createServer({
    key: identity.key,
    cert: identity.cert,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: 10_000,
  });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false });
  const admit = createGate();
  server.on('request', (_request, response) =>
    response.writeHead(426, { 'content-type': 'text/plain' }).end('Holdfast agents only\n'),
  );
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const fingerprint = certificateOf(socket);
    const from = request.socket.remoteAddress ?? 'unknown';
    const status = request.url !== '/agent' ? 404 : fingerprint === undefined ? 401 : admit(from, sockets.clients.size);
    if (status !== undefined || fingerprint === undefined) return refuse(socket, status ?? 401);
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      serveDialler(deps, webSocket, { fingerprint, address: from }),
    );
  });
  server.on('tlsClientError', (error: Error) => deps.log.debug({ reason: error.message }, 'TLS handshake failed'));
  const port = await listen(server, address, '--agent-listen');
  return { port, close: () => closeAll(server, sockets) };
}

function serveDialler(deps: ConnectionDeps & EnrolmentDeps, socket: WebSocket, caller: Caller): void {
  serveAgent(deps, webSocketChannel(socket), { admit: (hello) => enrol(deps, hello, caller) });
  beatWebSocket(socket, caller.address, deps.log);
}

function certificateOf(socket: Duplex): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  // Without a certificate Node gives an empty object.
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
  return raw === undefined ? undefined : fingerprintOf(raw);
}

function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** @returns a function that gives the status to refuse with, or undefined */
function createGate() {
  const counts = new Map<string, number>();
  let minute = 0;
  return (address: string, open: number): number | undefined => {
    const now = Math.floor(Date.now() / 60_000);
    if (now !== minute) counts.clear();
    minute = now;
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    return open >= maxSockets ? 503 : count > maxPerMinute ? 429 : undefined;
  };
}

async function closeAll(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
