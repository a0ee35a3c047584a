import type { NbdExport } from './handshake.ts';
import { violation } from './handshake.ts';
import { allocation } from './protocol.ts';

/** One piece of a status answer; flags are those of the asked context. Bytes. */
export interface StatusExtent {
  length: number;
  flags: number;
}

/** True when base:allocation says that the range reads as zeros. */
export function readsAsZero(flags: number): boolean {
  return (flags & allocation.zero) !== 0;
}

/** A request that waits for its answer, as the parser sees it. */
export interface Pending {
  /** The server's error number; 0 = none so far. The answer is read to its end all the same. */
  error: number;
  errorText: string;
  /** Runs once, after the last chunk. @throws AppError diskReadFailed when the answer is not complete */
  finish(): void;
  fail(error: Error): void;
}

abstract class Request<T> implements Pending {
  readonly promise: Promise<T>;
  error = 0;
  errorText = '';
  #resolve!: (value: T) => void;
  #reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Checks completeness and returns what was asked for. @throws AppError diskReadFailed */
  protected abstract result(): T;

  finish(): void {
    this.#resolve(this.result());
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

/** The handshake as a request, so that whatever ends the connection ends it too. */
export class PendingOpen extends Request<NbdExport> {
  #agreed: NbdExport | undefined;

  done(agreed: NbdExport): void {
    this.#agreed = agreed;
    this.finish();
  }

  protected override result(): NbdExport {
    if (this.#agreed === undefined) throw violation('an unfinished handshake');
    return this.#agreed;
  }
}

/** write, writeZeroes, flush: there is nothing but success or failure. */
export class PendingDone extends Request<void> {
  protected override result(): void {
    // Success carries nothing.
  }
}

/** Servers answer in blocks of at least this size; smaller pieces would cost more memory than their content. Bytes. */
const leastPieceBytes = 512;
/** Pieces that may be smaller all the same: beginning, end, and whatever a strange server does to short reads. */
const smallPieces = 1024;

/** A read into a buffer of its own; chunks may come in any order but must cover it exactly. */
export class PendingRead extends Request<Buffer> {
  readonly offset: number;
  readonly bytes: Buffer;
  readonly #filled: { from: number; to: number }[] = [];
  #received = 0;

  constructor(offset: number, length: number) {
    super();
    this.offset = offset;
    this.bytes = Buffer.allocUnsafeSlow(length);
  }

  /** The part of the buffer that a chunk fills. @param offset in bytes of the disk @throws AppError diskReadFailed */
  place(offset: number, length: number): Buffer {
    const from = offset - this.offset;
    if (length === 0 || from < 0 || from + length > this.bytes.length)
      throw violation('data outside of what was asked for');
    this.#received += length;
    if (this.#received > this.bytes.length) throw violation('more data than was asked for');
    if (this.#filled.length > this.bytes.length / leastPieceBytes + smallPieces)
      throw violation('an answer in countless pieces');
    this.#filled.push({ from, to: from + length });
    return this.bytes.subarray(from, from + length);
  }

  /** The buffer was not cleared before, so nothing may be left out. */
  protected override result(): Buffer {
    let at = 0;
    for (const { from, to } of this.#filled.toSorted((a, b) => a.from - b.from)) {
      if (from !== at) throw violation('overlapping or missing data in an answer');
      at = to;
    }
    if (at !== this.bytes.length) throw violation('an answer without all the data');
    return this.bytes;
  }
}

/** A question for the status of a range in one context. */
export class PendingStatus extends Request<StatusExtent[]> {
  readonly context: number;
  readonly #length: number;
  #extents: StatusExtent[] | undefined;

  constructor(context: number, length: number) {
    super();
    this.context = context;
    this.#length = length;
  }

  /** Takes the descriptors of one chunk: pairs of length and flags. @throws AppError diskReadFailed */
  take(payload: Buffer): void {
    if (payload.length < 12 || payload.length % 8 !== 4) throw violation('a malformed status answer');
    // Contexts that were agreed but not asked about in this request are answered too.
    if (payload.readUInt32BE(0) !== this.context) return;
    if (this.#extents !== undefined) throw violation('two status answers for one context');
    const extents: StatusExtent[] = [];
    let left = this.#length;
    for (let at = 4; at < payload.length && left > 0; at += 8) {
      // The last descriptor may reach beyond the question.
      const length = Math.min(payload.readUInt32BE(at), left);
      if (length === 0) throw violation('an empty status descriptor');
      extents.push({ length, flags: payload.readUInt32BE(at + 4) });
      left -= length;
    }
    this.#extents = extents;
  }

  protected override result(): StatusExtent[] {
    if (this.#extents === undefined) throw violation('a status answer without the asked context');
    return this.#extents;
  }
}
