import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../shared/errors.ts';

/** Longest path of a Unix socket we use; the kernel's limit is 107 (DETAILS 11). */
const maxPathBytes = 100;

/** agent.sock of a data folder; a path that is too long moves to /run/holdfast/<hwid8>/. */
function socketPath(folder: string, hwid: string): string {
  const path = join(folder, 'agent.sock');
  if (Buffer.byteLength(path) <= maxPathBytes) return path;
  const folderId = createHash('sha256').update(folder).digest('hex').slice(0, 8);
  return join('/run/holdfast', hwid.replaceAll('-', '').slice(0, 8), `${folderId}.sock`);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(2000, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // ENOENT: never started; ECONNREFUSED: its owner is dead.
    socket.on('error', () => resolve(false));
  });
}

/**
 * One agent per folder: who finds the socket answering must not run (DETAILS 11). Answers with one JSON line.
 * @throws AppError alreadyRunning
 */
export async function claimFolder(folder: string, hwid: string): Promise<{ release(): Promise<void> }> {
  const path = socketPath(folder, hwid);
  if (await answers(path)) throw new AppError('alreadyRunning', `an agent runs on ${folder} already`);
  await mkdir(join(path, '..'), { recursive: true, mode: 0o711 });
  await rm(path, { force: true });
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`${JSON.stringify({ pid: process.pid, hwid })}\n`);
  });
  await listenAt(server, path);
  server.unref();
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

function listenAt(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o077);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      process.umask(mask);
      reject(new AppError('alreadyRunning', `the socket ${path} cannot be made`, { cause: error }));
    });
    server.listen(path, () => {
      process.umask(mask);
      resolve();
    });
  });
}
