import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface FakeRequest {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** An HTTP server that answers as a test says and remembers what it was asked. Ends with the test. */
export class FakeRestServer {
  readonly requests: FakeRequest[] = [];
  readonly sockets = new Set<Socket>();
  /** Connections so far. */
  connections = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param answer called when the whole request has arrived */
  static async start(answer: (request: FakeRequest, response: ServerResponse) => void): Promise<FakeRestServer> {
    const server = createServer((request, response) => void fake.#take(request, response, answer));
    const fake = new FakeRestServer(server);
    server.on('connection', (socket) => {
      fake.connections++;
      fake.sockets.add(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of fake.sockets) socket.destroy();
      server.close();
    });
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** `METHOD path` of each request. */
  get asked(): string[] {
    return this.requests.map(({ method, url }) => `${method} ${url}`);
  }

  async #take(
    request: IncomingMessage,
    response: ServerResponse,
    answer: (request: FakeRequest, response: ServerResponse) => void,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return; // The client hung up.
    }
    const { method = '', url = '', headers } = request;
    const whole = { method, url, headers, body: Buffer.concat(chunks) };
    this.requests.push(whole);
    answer(whole, response);
  }
}
