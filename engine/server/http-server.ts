import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { isLoopback, listen, type ListenAddress, urlOf } from '../../shared/node/listen.ts';
import type { TlsIdentity } from '../../shared/node/tls.ts';
import { webSocketChannel } from '../../shared/node/websocket-channel.ts';
import { maxMessageBytes } from '../../shared/rpc/channel.ts';
import type { SessionsApi } from '../api/context.ts';
import type { EngineCore } from '../core.ts';
import { serveConsole } from './console-session.ts';
import { sendPage, sendText } from './page.ts';
import { refusalOf, sessionCookie, tokenOf } from './request-guard.ts';

export interface HttpServerOptions {
  core: EngineCore;
  sessions: SessionsApi;
  address: ListenAddress;
  /** Folder of the built page. */
  pageFolder: string;
  identity: TlsIdentity;
}

export interface HttpServer {
  url: string;
  port: number;
  close(): Promise<void>;
}

const maxSockets = 500;

/**
 * The web face: page, session cookie and the WebSocket at /rpc. Plain HTTP on loopback only; any other address gets
 * HTTPS with the engine's certificate (DESIGN §4).
 * @throws AppError portInUse
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { address, identity } = options;
  const secure = !isLoopback(address.host);
  const server: Server = secure
    ? createHttps({ key: identity.key, cert: identity.cert, minVersion: 'TLSv1.3' })
    : createHttp();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(options, secure, request, response).catch((error: unknown) => {
      options.core.log.error({ err: error }, 'answering a request failed');
      if (!response.headersSent) sendText(response, 500, 'internal error\n');
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (error: Error) => options.core.log.debug({ reason: error.message }, 'upgrade failed'));
    upgrade(options, sockets, request, socket, head).catch((error: unknown) => {
      options.core.log.error({ err: error }, 'opening a console connection failed');
      socket.destroy();
    });
  });
  const port = await listen(server, address, '--listen');
  const url = urlOf(secure ? 'https' : 'http', { host: address.host, port });
  return { url, port, close: () => closeAll(server, sockets) };
}

async function answer(
  options: HttpServerOptions,
  secure: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = refusalOf(request, options.address.host);
  if (refusal !== undefined) return sendText(response, refusal.status, `${refusal.reason}\n`);
  const address = request.url ?? '/';
  if (!address.startsWith('/') || !URL.canParse(address, 'http://localhost'))
    return sendText(response, 400, 'no path\n');
  const { pathname } = new URL(address, 'http://localhost');
  if (pathname === '/session') return session(options, secure, request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'only GET\n');
  return sendPage(options.pageFolder, pathname, response);
}

/** POST with a bearer token turns it into a cookie that scripts cannot read; DELETE removes the cookie. */
async function session(
  { sessions }: HttpServerOptions,
  secure: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const token = tokenOf(request);
  if (request.method === 'DELETE') {
    response.writeHead(204, { 'set-cookie': sessionCookie('', secure), 'cache-control': 'no-store' }).end();
  } else if (request.method === 'POST' && token !== undefined && (await sessions.findPrincipal(token)) !== null) {
    response.writeHead(204, { 'set-cookie': sessionCookie(token, secure), 'cache-control': 'no-store' }).end();
  } else {
    sendText(response, 401, 'not signed in\n');
  }
}

async function upgrade(
  options: HttpServerOptions,
  sockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const refusal = refusalOf(request, options.address.host);
  const status =
    refusal?.status ?? (request.url !== '/rpc' ? 404 : sockets.clients.size >= maxSockets ? 503 : undefined);
  if (status !== undefined) {
    socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    return;
  }
  const token = tokenOf(request);
  const principal = token === undefined ? null : await options.sessions.findPrincipal(token);
  const address = request.socket.remoteAddress ?? 'unknown';
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    serveConsole(options.core, options.sessions, webSocketChannel(webSocket), address, principal);
  });
}

async function closeAll(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.close(1001, 'the engine stops');
  setTimeout(() => {
    for (const socket of sockets.clients) socket.terminate();
  }, 500).unref();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 1000).unref();
  });
}
