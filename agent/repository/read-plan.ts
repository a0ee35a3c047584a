import { AppError } from '../../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { throwIfAborted } from './cancel.ts';

/** What to do with the next bytes of the disk, in order and without gaps. */
export type PlanItem = { kind: 'zero'; length: number } | { kind: 'read'; offset: number; length: number };

/** Reads of about this size keep an NBD server busiest. */
const readBytes = 1024 * 1024;

/** The longest read of a disk with that grid, bytes. */
export function longestRead(cellBytes: number): number {
  return Math.max(readBytes, cellBytes);
}

/**
 * Turns the source's extents into whole cells: a cell is read when any part of it holds data. Reads are at most
 * max(1 MiB, one cell) long and never cross such a boundary.
 * @throws AppError diskReadFailed when the extents have gaps, overlap or leave the disk
 */
export async function* planReads(source: ByteSource, cellBytes: number, signal: AbortSignal): AsyncGenerator<PlanItem> {
  const plan = new CellPlan(cellBytes, source.sizeBytes);
  let at = 0;
  for await (const extent of source.extents(signal)) {
    throwIfAborted(signal);
    const end = extent.offset + extent.length;
    if (extent.offset !== at || extent.length < 0 || end > source.sizeBytes) {
      throw new AppError(
        'diskReadFailed',
        `the disk reports an extent of ${extent.length} bytes at ${extent.offset}, expected at ${at}`,
      );
    }
    at = end;
    if (!extent.zero && extent.length > 0) yield* plan.data(extent.offset, end);
  }
  if (at !== source.sizeBytes)
    throw new AppError('diskReadFailed', `the disk's extents end at ${at} of ${source.sizeBytes} bytes`);
  yield* plan.end();
}

class CellPlan {
  readonly #cellBytes: number;
  readonly #sizeBytes: number;
  readonly #readBytes: number;
  /** Everything before is emitted. */
  #emitted = 0;
  /** Data that is not emitted yet stands in [emitted, pending). */
  #pending = 0;

  constructor(cellBytes: number, sizeBytes: number) {
    this.#cellBytes = cellBytes;
    this.#sizeBytes = sizeBytes;
    this.#readBytes = longestRead(cellBytes);
  }

  *data(start: number, end: number): Generator<PlanItem> {
    const first = Math.floor(start / this.#cellBytes) * this.#cellBytes;
    const last = Math.min(Math.ceil(end / this.#cellBytes) * this.#cellBytes, this.#sizeBytes);
    if (first > this.#pending) {
      yield* this.#flush();
      yield { kind: 'zero', length: first - this.#emitted };
      this.#emitted = first;
    }
    this.#pending = Math.max(last, this.#pending);
    yield* this.#fullReads();
  }

  *end(): Generator<PlanItem> {
    yield* this.#flush();
    if (this.#sizeBytes > this.#emitted) yield { kind: 'zero', length: this.#sizeBytes - this.#emitted };
    this.#emitted = this.#sizeBytes;
  }

  *#fullReads(): Generator<PlanItem> {
    for (;;) {
      const boundary = (Math.floor(this.#emitted / this.#readBytes) + 1) * this.#readBytes;
      if (boundary > this.#pending) return;
      yield { kind: 'read', offset: this.#emitted, length: boundary - this.#emitted };
      this.#emitted = boundary;
    }
  }

  *#flush(): Generator<PlanItem> {
    yield* this.#fullReads();
    if (this.#pending > this.#emitted) {
      yield { kind: 'read', offset: this.#emitted, length: this.#pending - this.#emitted };
      this.#emitted = this.#pending;
    }
    this.#pending = Math.max(this.#pending, this.#emitted);
  }
}

/** Lengths of the cells of a read that starts at a cell boundary. */
export function cellLengths(length: number, cellBytes: number): Uint32Array {
  const count = Math.ceil(length / cellBytes);
  return Uint32Array.from({ length: count }, (_, i) => Math.min(cellBytes, length - i * cellBytes));
}
