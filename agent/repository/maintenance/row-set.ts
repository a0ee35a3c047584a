import type { BlobType } from '../blob-id.ts';
import type { BlobRows } from '../blob-index.ts';

/** A set of row numbers: one bit each. */
export class RowSet {
  readonly #words: Uint32Array;
  #size = 0;

  /** @param rows one more than the largest number */
  constructor(rows: number) {
    this.#words = new Uint32Array(Math.ceil(rows / 32));
  }

  get size(): number {
    return this.#size;
  }

  has(row: number): boolean {
    return (((this.#words[row >>> 5] as number) >>> (row & 31)) & 1) === 1;
  }

  /** @returns whether it was not there yet */
  add(row: number): boolean {
    if (this.has(row)) return false;
    this.#words[row >>> 5] = (this.#words[row >>> 5] as number) | (1 << (row & 31));
    this.#size++;
    return true;
  }

  /** In ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (let at = 0; at < this.#words.length; at++) {
      const word = this.#words[at] as number;
      if (word === 0) continue;
      for (let bit = 0; bit < 32; bit++) if (((word >>> bit) & 1) === 1) yield at * 32 + bit;
    }
  }
}

/** A set per blob type. */
export type BlobSet = Record<BlobType, RowSet>;

/** An empty set for the blobs that are known now. */
export function newBlobSet({ tables }: BlobRows): BlobSet {
  return { data: new RowSet(tables.data.size), tree: new RowSet(tables.tree.size) };
}
