import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { createServer, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { RestStorage } from '../../agent/repository/storage/rest.ts';
import { type FakeRequest, FakeRestServer } from './fake-rest-server.ts';
import { restStorageOn } from './repository-server.ts';

/** A storage on a server that answers every request the same way. */
export async function answering(answer: (request: FakeRequest, response: ServerResponse) => void, change = {}) {
  const server = await FakeRestServer.start(answer);
  return { server, storage: restStorageOn({ url: server.url, fingerprint: undefined }, change) };
}

/** Names of the index files. */
export async function names(storage: RestStorage): Promise<string[]> {
  const found: string[] = [];
  for await (const file of storage.list('index')) found.push(file.name);
  return found;
}

/** Starts a server of the test's own; it ends with the test. @returns its address */
export async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return `http://127.0.0.1:${address.port}/`;
}
