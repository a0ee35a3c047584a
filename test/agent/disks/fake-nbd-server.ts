import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';

/** Everything a client may ask, decoded. */
export interface FakeRequest {
  flags: number;
  type: number;
  handle: Buffer;
  offset: number;
  length: number;
}

export interface FakeBehaviour {
  sizeBytes?: number;
  structured?: boolean;
  /** Replaces the greeting. */
  greeting?: Buffer;
  /** Replaces the answer to NBD_OPT_GO. */
  go?: Buffer;
  /** Answers to a request; undefined closes the connection. */
  answer(request: FakeRequest): Buffer[] | undefined;
}

const optionMagic = Buffer.from('49484156454f5054', 'hex');

/** An NBD server that obeys the handshake (unless told otherwise) and then says what the test wants. */
export class FakeNbdServer {
  readonly requests: FakeRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(path: string, behaviour: FakeBehaviour): Promise<FakeNbdServer> {
    const server = createServer();
    const fake = new FakeNbdServer(server);
    server.on('connection', (socket) => {
      fake.#sockets.add(socket);
      socket.on('error', () => undefined);
      fake.#serve(socket, behaviour).catch(() => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return fake;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(socket: Socket, behaviour: FakeBehaviour): Promise<void> {
    const take = taker(socket);
    socket.write(behaviour.greeting ?? Buffer.concat([Buffer.from('NBDMAGIC'), optionMagic, Buffer.from([0, 3])]));
    await take(4);
    for (;;) {
      const head = await take(16);
      const option = head.readUInt32BE(8);
      await take(head.readUInt32BE(12));
      if (option === 8) socket.write(optionReply(8, (behaviour.structured ?? true) ? 1 : 0x80000001));
      if (option === 10)
        socket.write(Buffer.concat([optionReply(10, 4, contextData(7, 'base:allocation')), optionReply(10, 1)]));
      if (option === 7) {
        socket.write(
          behaviour.go ??
            Buffer.concat([optionReply(7, 3, exportData(behaviour.sizeBytes ?? 1 << 20)), optionReply(7, 1)]),
        );
        break;
      }
    }
    for (;;) {
      const head = await take(28);
      const request = {
        flags: head.readUInt16BE(4),
        type: head.readUInt16BE(6),
        handle: Buffer.from(head.subarray(8, 16)),
        offset: Number(head.readBigUInt64BE(16)),
        length: head.readUInt32BE(24),
      };
      if (request.type === 1) await take(request.length);
      this.requests.push(request);
      const answer = request.type === 2 ? undefined : behaviour.answer(request);
      if (answer === undefined) {
        socket.end();
        return;
      }
      for (const bytes of answer) socket.write(bytes);
    }
  }
}

export function optionReply(option: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(0x0003e889045565a9n);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(data.length, 16);
  return Buffer.concat([head, data]);
}

export function exportData(sizeBytes: number | bigint, flags = 1 + 4 + 256): Buffer {
  const data = Buffer.alloc(12);
  data.writeBigUInt64BE(BigInt(sizeBytes), 2);
  data.writeUInt16BE(flags, 10);
  return data;
}

export function contextData(id: number, name: string): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(id);
  return Buffer.concat([data, Buffer.from(name)]);
}

/** One chunk of a structured reply. */
export function chunk(
  request: FakeRequest,
  type: number,
  done: boolean,
  payload: Buffer,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32BE(0x668e33ef);
  head.writeUInt16BE(done ? 1 : 0, 4);
  head.writeUInt16BE(type, 6);
  request.handle.copy(head, 8);
  head.writeUInt32BE(length, 16);
  return Buffer.concat([head, payload]);
}

export function dataChunk(request: FakeRequest, offset: number, bytes: Buffer, done: boolean): Buffer {
  const at = Buffer.alloc(8);
  at.writeBigUInt64BE(BigInt(offset));
  return chunk(request, 1, done, Buffer.concat([at, bytes]));
}

export function holeChunk(request: FakeRequest, offset: number, length: number, done: boolean): Buffer {
  const payload = Buffer.alloc(12);
  payload.writeBigUInt64BE(BigInt(offset));
  payload.writeUInt32BE(length, 8);
  return chunk(request, 2, done, payload);
}

export function simpleReply(request: FakeRequest, error: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0x67446698);
  head.writeUInt32BE(error, 4);
  request.handle.copy(head, 8);
  return Buffer.concat([head, data]);
}

/** A status answer; pairs of length and flags. */
export function statusChunk(
  request: FakeRequest,
  context: number,
  pairs: readonly (readonly [number, number])[],
  done: boolean,
): Buffer {
  const payload = Buffer.alloc(4 + pairs.length * 8);
  payload.writeUInt32BE(context);
  pairs.forEach(([length, flags], index) => {
    payload.writeUInt32BE(length, 4 + index * 8);
    payload.writeUInt32BE(flags, 8 + index * 8);
  });
  return chunk(request, 5, done, payload);
}

/** Promises of so many bytes of a socket. */
function taker(socket: Socket): (length: number) => Promise<Buffer> {
  let stored = Buffer.alloc(0);
  let wake: (() => void) | undefined;
  let over = false;
  socket.on('data', (bytes) => {
    stored = Buffer.concat([stored, bytes]);
    wake?.();
  });
  socket.on('close', () => {
    over = true;
    wake?.();
  });
  return async (length) => {
    while (stored.length < length) {
      if (over) throw new Error('closed');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const taken = stored.subarray(0, length);
    stored = stored.subarray(length);
    return taken;
  };
}
