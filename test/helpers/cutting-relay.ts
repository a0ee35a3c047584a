import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** Passes connections on to a port of this machine and can cut the line once. Ends with the test. */
export class CuttingRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #bytesLeft = Infinity;

  private constructor(target: number) {
    this.#server = createServer((client) => this.#pass(client, connect(target, '127.0.0.1')));
  }

  static async to(target: number): Promise<CuttingRelay> {
    const relay = new CuttingRelay(target);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    onTestFinished(() => {
      relay.#cut();
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

  #cut(): void {
    this.#bytesLeft = Infinity;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #pass(client: Socket, target: Socket): void {
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
      if (this.#bytesLeft <= 0) this.#cut();
    });
    client.pipe(target);
    target.pipe(client);
  }
}
