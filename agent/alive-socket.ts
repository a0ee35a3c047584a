import { createHash } from 'node:crypto';
import { chmod, mkdir, open, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../shared/errors.ts';

/** Longest path of a Unix socket we use; the kernel's limit is 107 (DETAILS 11). */
const maxPathBytes = 100;
/** A claim takes milliseconds; one that is older was left by a crash. */
const staleClaimMs = 10_000;
/** Connections that wait for an agent that still cleans up after a dead one. */
const maxWaiting = 16;

/** agent.sock of a data folder; a path that is too long moves to /run/holdfast/<hwid8>/. */
export function socketPath(folder: string, hwid: string): string {
  const path = join(folder, 'agent.sock');
  if (Buffer.byteLength(path) <= maxPathBytes) return path;
  const folderId = createHash('sha256').update(folder).digest('hex').slice(0, 8);
  return join('/run/holdfast', hwid.replaceAll('-', '').slice(0, 8), `${folderId}.sock`);
}

/** What connecting says when there is no agent: it was never started, its owner is dead, the path is something else. */
const noAgent = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'];

/** Connects to the agent that listens there; undefined when there is none. @throws Error when that cannot be told */
export function connectAgent(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (noAgent.includes(error.code ?? '')) resolve(undefined);
      else reject(error);
    });
  });
}

async function answers(path: string): Promise<boolean> {
  // An agent that is too busy to take us is one nevertheless.
  const socket = await connectAgent(path).catch(() => true as const);
  if (socket === true) return true;
  socket?.on('error', () => undefined).destroy();
  return socket !== undefined;
}

/** The folder is ours as long as we listen on its socket. */
export interface FolderClaim {
  /** Hands over who connects; those that came earlier have waited. */
  serve(take: (socket: Socket) => void): void;
  release(): Promise<void>;
}

/**
 * One agent per folder: who finds the socket answering must not run (DETAILS 11).
 * @throws AppError alreadyRunning
 */
export async function claimFolder(folder: string, hwid: string): Promise<FolderClaim> {
  const path = socketPath(folder, hwid);
  await mkdir(join(path, '..'), { recursive: true, mode: 0o711 });
  const waiting: Socket[] = [];
  let take = (socket: Socket) => {
    if (waiting.length < maxWaiting) waiting.push(socket);
    else socket.destroy();
  };
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    take(socket);
  });
  await withClaimFile(join(folder, 'agent.claim'), async () => {
    if (await answers(path)) throw new AppError('alreadyRunning', `an agent runs on ${folder} already`);
    await rm(path, { force: true });
    await listenAt(server, path);
  });
  return {
    serve(wanted) {
      take = wanted;
      for (const socket of waiting.splice(0)) wanted(socket);
    },
    release: () =>
      new Promise((resolve) => {
        for (const socket of waiting) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Two agents that start at once must not both find the socket dead. */
async function withClaimFile(path: string, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const claimedAt = (await stat(path).catch(() => undefined))?.mtimeMs;
    if (claimedAt !== undefined && Math.abs(Date.now() - claimedAt) > staleClaimMs) await rm(path, { force: true });
    else await sleep(50);
  }
  try {
    await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function listenAt(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o077);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(new AppError('alreadyRunning', `the socket ${path} cannot be made`, { cause: error })),
      );
      server.listen(path, resolve);
    });
  } finally {
    process.umask(mask);
  }
  await chmod(path, 0o600);
}
