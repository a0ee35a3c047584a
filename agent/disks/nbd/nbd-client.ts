import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { abortReason } from '../extents.ts';
import type { NbdExport, Reader } from './handshake.ts';
import { handshake } from './handshake.ts';
import type { Pending, StatusExtent } from './pending.ts';
import { PendingDone, PendingOpen, PendingRead, PendingStatus } from './pending.ts';
import { command, magic } from './protocol.ts';
import { replies } from './replies.ts';

export interface NbdAddress {
  socketPath: string;
  exportName: string;
  /** Metadata contexts to agree on, e.g. base:allocation or qemu:dirty-bitmap:NAME. */
  contexts: readonly string[];
  /** Milliseconds for connection and handshake. Default 30 000. */
  timeoutMs?: number;
}

/** What the socket reads into; the parser copies from it at once, so one is enough. Bytes. */
const receiveBytes = 256 * 1024;

const goodbyeMs = 5000;

/**
 * One connection to an NBD server. Any number of requests may be in flight; answers may come in any order. Everything
 * that arrives is checked, and the first thing wrong ends the connection.
 */
export class NbdClient {
  bytesRead = 0;
  bytesWritten = 0;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#end(abortReason(this.#signal));
  #parser: Reader<unknown> | undefined;
  #wanted: Buffer = Buffer.alloc(0);
  #filled = 0;
  #nextHandle = 1;
  #ended: AppError | undefined;
  #agreed: NbdExport | undefined;

  private constructor(address: NbdAddress, signal: AbortSignal) {
    this.#signal = signal;
    this.#socket = connect({
      path: address.socketPath,
      onread: {
        buffer: Buffer.allocUnsafeSlow(receiveBytes),
        callback: (count, buffer) => this.#receive(buffer, count),
      },
    });
    this.#socket.on('error', (error) => this.#end(lost(address, messageOf(error), error)));
    this.#socket.on('close', () => this.#end(lost(address, 'the server closed it')));
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Connects and agrees on the export.
   * @throws AppError diskReadFailed when nothing answers or the server refuses, timeout, cancelled
   */
  static async connect(address: NbdAddress, signal: AbortSignal): Promise<NbdClient> {
    if (signal.aborted) throw abortReason(signal);
    const client = new NbdClient(address, signal);
    const opening = new PendingOpen();
    const limit = address.timeoutMs ?? 30_000;
    const timer = setTimeout(() => {
      client.#end(new AppError('timeout', `the NBD server at ${address.socketPath} did not answer in ${limit} ms`));
    }, limit);
    client.#pending.set(0, opening);
    client.#start(client.#session(address, opening));
    try {
      client.#agreed = await opening.promise;
      return client;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What was agreed with the server. */
  get export(): NbdExport {
    if (this.#agreed === undefined) throw new AppError('internal', 'the NBD handshake is not done');
    return this.#agreed;
  }

  /** Why the connection is over; undefined while it stands. */
  get failure(): AppError | undefined {
    return this.#ended;
  }

  /** Reads at most 32 MiB. Bytes. @throws AppError diskReadFailed */
  async read(offset: number, length: number): Promise<Buffer> {
    const request = new PendingRead(offset, length);
    this.#request(command.read, 0, offset, length, request);
    const bytes = await request.promise;
    this.bytesRead += length;
    return bytes;
  }

  /** Status of a range in one agreed context; the answer may stop early but covers at least its beginning. */
  async blockStatus(context: string, offset: number, length: number): Promise<StatusExtent[]> {
    const number = this.export.contexts.get(context);
    if (number === undefined) throw new AppError('diskReadFailed', `the NBD server has no context ${context}`);
    const request = new PendingStatus(number, length);
    this.#request(command.blockStatus, 0, offset, length, request);
    return request.promise;
  }

  /** Writes at most 32 MiB; the bytes must not change before it is done. @throws AppError diskReadFailed, storageFull */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const request = new PendingDone();
    this.#request(command.write, 0, offset, bytes.length, request, bytes);
    await request.promise;
    this.bytesWritten += bytes.length;
  }

  /** Makes a range read as zeros. */
  async writeZeroes(offset: number, length: number): Promise<void> {
    const request = new PendingDone();
    this.#request(command.writeZeroes, 0, offset, length, request);
    await request.promise;
  }

  /** Makes everything written durable. */
  async flush(): Promise<void> {
    const request = new PendingDone();
    this.#request(command.flush, 0, 0, 0, request);
    await request.promise;
  }

  /** Says goodbye and closes; requests still in flight fail. Safe to call twice. */
  async close(): Promise<void> {
    const closed = this.#socket.closed
      ? undefined
      : new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    if (this.#ended === undefined) {
      this.#socket.write(requestHead(command.disconnect, 0, 0, 0, 0));
      this.#end(new AppError('diskReadFailed', 'the NBD connection was closed'), 'gently');
    }
    await closed;
  }

  *#session(address: NbdAddress, opening: PendingOpen): Reader<never> {
    const agreed = yield* handshake((bytes) => void this.#socket.write(bytes), address.exportName, address.contexts);
    this.#pending.delete(0);
    opening.done(agreed);
    return yield* replies(this.#pending, agreed.structured);
  }

  #request(
    type: number,
    flags: number,
    offset: number,
    length: number,
    request: Pending & { promise: Promise<unknown> },
    payload?: Uint8Array,
  ): void {
    // Whoever reads this promise gets the error; the failure below must not count as unhandled before that.
    request.promise.catch(() => undefined);
    if (this.#ended !== undefined) {
      request.fail(this.#ended);
      return;
    }
    const handle = this.#nextHandle;
    this.#nextHandle = handle === 0xffff_ffff ? 1 : handle + 1;
    this.#pending.set(handle, request);
    this.#socket.cork();
    this.#socket.write(requestHead(type, flags, handle, offset, length));
    if (payload !== undefined) this.#socket.write(payload);
    this.#socket.uncork();
  }

  #start(parser: Reader<never>): void {
    this.#parser = parser;
    this.#advance();
  }

  /** Lets the parser run until it wants more bytes than there are. */
  #advance(): void {
    if (this.#parser === undefined) return;
    const next = this.#parser.next();
    this.#filled = 0;
    this.#wanted = next.done === true ? Buffer.alloc(0) : (next.value ?? Buffer.alloc(0));
  }

  #receive(buffer: Uint8Array, count: number): boolean {
    let at = 0;
    try {
      while (this.#ended === undefined && (at < count || this.#filled === this.#wanted.length)) {
        const length = Math.min(count - at, this.#wanted.length - this.#filled);
        this.#wanted.set(buffer.subarray(at, at + length), this.#filled);
        at += length;
        this.#filled += length;
        if (this.#filled === this.#wanted.length) this.#advance();
      }
    } catch (error) {
      this.#end(error instanceof AppError ? error : new AppError('internal', messageOf(error), { cause: error }));
    }
    return this.#ended === undefined;
  }

  #end(error: AppError, how: 'gently' | 'now' = 'now'): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#parser = undefined;
    for (const request of this.#pending.values()) request.fail(error);
    this.#pending.clear();
    if (how === 'now') {
      this.#socket.destroy();
      return;
    }
    // A server that does not read its socket must not keep us waiting.
    const timer = setTimeout(() => this.#socket.destroy(), goodbyeMs);
    this.#socket.end(() => {
      clearTimeout(timer);
      this.#socket.destroy();
    });
  }
}

function lost(address: NbdAddress, detail: string, cause?: unknown): AppError {
  return new AppError(
    'diskReadFailed',
    `the connection to the NBD server at ${address.socketPath} is lost: ${detail}`,
    { cause },
  );
}

function requestHead(type: number, flags: number, handle: number, offset: number, length: number): Buffer {
  const head = Buffer.alloc(28);
  head.writeUInt32BE(magic.request, 0);
  head.writeUInt16BE(flags, 4);
  head.writeUInt16BE(type, 6);
  head.writeUInt32BE(handle, 12);
  head.writeBigUInt64BE(BigInt(offset), 16);
  head.writeUInt32BE(length, 24);
  return head;
}
