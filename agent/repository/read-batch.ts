import { pieceBytesOf } from './disk-cells.ts';
import type { HashedBatch } from './worker-pool.ts';
import type { PlanStep } from './plan-steps.ts';

/** Reads of about this size keep an NBD server busiest. */
const readBytes = 1024 * 1024;

/** The most bytes of a read, and of a batch, on a disk with that grid. */
export function longestRead(cellBytes: number): number {
  return Math.max(readBytes, cellBytes);
}

/** The most units of a batch. */
export function mostUnits(cellBytes: number): number {
  return Math.ceil(longestRead(cellBytes) / pieceBytesOf(cellBytes));
}

/** Cuts a step at multiples of `most` bytes. */
export function* cutStep(step: PlanStep, most: number): Generator<PlanStep> {
  const end = step.offset + step.length;
  for (let offset = step.offset; offset < end; ) {
    const boundary = (Math.floor(offset / most) + 1) * most;
    const length = Math.min(boundary, end) - offset;
    yield { ...step, offset, length };
    offset += length;
  }
}

/** Ranges of the disk that go through the pipeline together, in one buffer. Each unit, a cell or a piece, becomes a blob. */
export class ReadBatch {
  readonly ranges: { offset: number; length: number }[] = [];
  /** What the threads made of it; undefined until then. */
  hashed: Pick<HashedBatch, 'ids' | 'zero'> | undefined;
  readonly #cellBytes: number;
  readonly #lengths: number[] = [];
  #bytes = 0;

  constructor(cellBytes: number) {
    this.#cellBytes = cellBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get lengths(): Uint32Array {
    return Uint32Array.from(this.#lengths);
  }

  /** Content bytes of a unit. */
  lengthOf(unit: number): number {
    return this.#lengths[unit] as number;
  }

  accepts(length: number): boolean {
    return this.#bytes + length <= longestRead(this.#cellBytes);
  }

  /** Adds what is read in one go. @returns its units */
  add({ kind, offset, length }: PlanStep): { first: number; count: number } {
    const unit = kind === 'cells' ? this.#cellBytes : pieceBytesOf(this.#cellBytes);
    const first = this.#lengths.length;
    for (let at = 0; at < length; at += unit) this.#lengths.push(Math.min(unit, length - at));
    this.ranges.push({ offset, length });
    this.#bytes += length;
    return { first, count: this.#lengths.length - first };
  }
}
