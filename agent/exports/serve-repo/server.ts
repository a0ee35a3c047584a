import { X509Certificate } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { createServer as createPlain, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { Socket } from 'node:net';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { isLoopback, listen, type ListenAddress, urlOf } from '../../../shared/node/listen.ts';
import { fingerprintOf } from '../../../shared/node/tls.ts';
import { errnoOf, type Refusal, toldOf } from './refusal.ts';
import { Requests } from './requests.ts';
import { SignIn } from './sign-in.ts';
import { UsersFile } from './users-file.ts';

const MiB = 1024 * 1024;
/** A pack of 64 MiB and its header. */
const defaultFileBytes = 65 * MiB;
/** Of a body that is refused. */
const mostDiscarded = 2 * defaultFileBytes;
/** How long requests under way may take to end when the server is stopped. */
const graceMs = 5000;

export interface RepositoryServerOptions {
  /** Existing folder that holds the repositories. */
  folder: string;
  /** Port 0 = any free one. */
  listen: ListenAddress;
  /** PEM. Without it the server speaks http, which only loopback addresses may. */
  tls?: { key: string; cert: string };
  /** Path of a file of {@link makePasswordLine} lines. Without it everybody may, which only loopback addresses may. */
  usersFile?: string;
  /** Nothing is removed but locks, and nothing is replaced. */
  appendOnly?: boolean;
  /** Each user reaches only the folder of the same name. */
  isPrivate?: boolean;
  /** Default 65 MiB. */
  maxFileBytes?: number;
  /** Connections on which nothing moves are ended after so many ms. Default 60 000. */
  idleMs?: number;
  /** One line for each thing that an administrator wants to know; holds no secrets. */
  log?: (line: string) => void;
  /** For tests of clients with made-up names: bodies are compared with their names unless this is false. */
  verifyUploads?: boolean;
}

export interface RepositoryServer {
  /** Ends with a slash; a repository's name follows. */
  url: string;
  port: number;
  /** `SHA256:…` of the certificate; undefined for http. */
  fingerprint: string | undefined;
  /** Requests under way get a few seconds, then connections end. */
  stop: () => Promise<void>;
}

/**
 * Starts to serve the repositories of a folder over restic's REST protocol.
 * @throws AppError invalidValue, portInUse
 */
export async function startRepositoryServer(options: RepositoryServerOptions): Promise<RepositoryServer> {
  const { tls, log = () => undefined, appendOnly = false, isPrivate = false, verifyUploads = true } = options;
  checkExposure(options);
  const users = options.usersFile === undefined ? undefined : await UsersFile.open(options.usersFile, log);
  const requests = new Requests({
    ...{ log, appendOnly, isPrivate, verifyUploads, maxFileBytes: options.maxFileBytes ?? defaultFileBytes },
    folder: await checkedFolder(options.folder),
    signIn: users === undefined ? undefined : new SignIn(users, log),
  });
  const running = new Set<Promise<void>>();
  const server = makeServer(options, (request, response) => {
    const work = answer(requests, request, response, log);
    running.add(work);
    void work.finally(() => running.delete(work));
  });
  // Node's own list knows no connection that has not finished its TLS handshake.
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  const port = await listen(server, options.listen, 'listen');
  return {
    url: urlOf(tls === undefined ? 'http' : 'https', { host: options.listen.host, port }, '/'),
    port,
    fingerprint: tls === undefined ? undefined : fingerprintOf(new X509Certificate(tls.cert).raw),
    stop: () => stop(server, sockets, running),
  };
}

/** Passwords and backups do not travel in the clear, and nobody is let in unasked from outside. */
function checkExposure({ listen: { host }, tls, usersFile, isPrivate = false }: RepositoryServerOptions): void {
  if (tls === undefined && !isLoopback(host)) {
    throw new AppError('invalidValue', `listen: ${host} is reached from outside, which needs TLS`, { field: 'listen' });
  }
  if (usersFile === undefined && (isPrivate || !isLoopback(host))) {
    const why = isPrivate ? 'private repositories need' : `${host} is reached from outside, which needs`;
    throw new AppError('invalidValue', `${why} a users file`, { field: 'usersFile' });
  }
}

async function checkedFolder(path: string): Promise<string> {
  try {
    const folder = await realpath(path);
    if (!(await stat(folder)).isDirectory()) throw new Error('not a folder');
    return folder;
  } catch (error) {
    throw new AppError('invalidValue', `folder: ${path}: ${messageOf(error)}`, { field: 'folder', cause: error });
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function makeServer({ tls, idleMs = 60_000 }: RepositoryServerOptions, handler: Handler): Server {
  const limits = {
    headersTimeout: 20_000,
    // Five packs of 64 MiB at a time over a line of 1 Mbit/s.
    requestTimeout: 3600_000,
    keepAliveTimeout: 75_000,
    maxHeaderSize: 16 * 1024,
    noDelay: true,
  };
  const server = tls === undefined ? createPlain(limits, handler) : createSecurely({ ...limits, ...tls }, handler);
  // A connection that waits for its next request lies still too, and that is kept longer.
  server.setTimeout(idleMs, (socket) => socket.destroy());
  server.maxConnections = 500;
  return server;
}

function createSecurely(options: Parameters<typeof createSecure>[0] & object, handler: Handler): Server {
  try {
    return createSecure({ ...options, handshakeTimeout: 20_000 }, handler);
  } catch (error) {
    throw new AppError('invalidValue', `tls: the certificate or its key cannot be used: ${messageOf(error)}`, {
      field: 'tls',
      cause: error,
    });
  }
}

async function answer(
  requests: Requests,
  request: IncomingMessage,
  response: ServerResponse,
  log: (line: string) => void,
): Promise<void> {
  try {
    await requests.answer(request, response);
  } catch (error) {
    const { refusal, internal } = toldOf(error);
    // Clients that hang up are no news.
    if (internal !== undefined && !isHangUp(error)) log(`${request.method} ${shownUrl(request)}: ${internal}`);
    if (response.headersSent || response.destroyed) response.destroy();
    else refuse(request, response, refusal);
  }
}

/** What is still to come of the body is read and thrown away: cutting the connection would lose the answer on its way. */
function refuse(request: IncomingMessage, response: ServerResponse, { status, headers, message }: Refusal): void {
  const announced =
    request.headers['content-length'] ?? (request.headers['transfer-encoding'] === undefined ? 0 : Infinity);
  response.writeHead(status, {
    ...headers,
    ...(Number(announced) > mostDiscarded ? { Connection: 'close' } : {}),
    'Content-Type': 'text/plain',
    'Content-Length': Buffer.byteLength(message),
  });
  response.end(message);
  request.resume();
}

function isHangUp(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(errnoOf(error) ?? '');
}

function shownUrl(request: IncomingMessage): string {
  return JSON.stringify((request.url ?? '').slice(0, 300));
}

async function stop(server: Server, sockets: ReadonlySet<Socket>, running: ReadonlySet<Promise<void>>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Connections that finish their request now would be kept for the next one.
  const sweeper = setInterval(() => server.closeIdleConnections(), 50);
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  await closed;
  clearInterval(sweeper);
  clearTimeout(timer);
  // What was cut off still removes its temporary file.
  await Promise.all(running);
}
