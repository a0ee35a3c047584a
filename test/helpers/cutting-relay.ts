import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** Passes connections on to a port of this machine; it can cut the line, refuse and be slow. Ends with the test. */
export class CuttingRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #bytesLeft = Infinity;
  /** Of each connection, to the target. */
  bytesPerSecond = Infinity;
  /** New connections are closed at once. */
  refuses = false;

  private constructor(target: number) {
    this.#server = createServer((client) => this.#pass(client, connect(target, '127.0.0.1')));
  }

  static async to(target: number): Promise<CuttingRelay> {
    const relay = new CuttingRelay(target);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    onTestFinished(() => {
      relay.cut();
      relay.#server.close();
    });
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the relay does not listen');
    return address.port;
  }

  /** Every connection breaks, once, when so many bytes more have gone to the target. */
  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  /** Every connection breaks now. */
  cut(): void {
    this.#bytesLeft = Infinity;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #pass(client: Socket, target: Socket): void {
    if (this.refuses) {
      client.destroy();
      target.destroy();
      return;
    }
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      this.#bytesLeft -= chunk.length;
      if (this.#bytesLeft <= 0) this.cut();
    });
    pipeline(client, (chunks: AsyncIterable<Buffer>) => this.#paced(chunks), target).catch(() => client.destroy());
    target.pipe(client);
  }

  async *#paced(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const chunk of chunks) {
      if (this.bytesPerSecond !== Infinity) await delay((chunk.length / this.bytesPerSecond) * 1000);
      yield chunk;
    }
  }
}
