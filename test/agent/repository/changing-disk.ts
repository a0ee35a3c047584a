import type { ContentList } from '../../../agent/repository/content-list.ts';
import { BufferSource, type Extent, testBytes } from '../../helpers/byte-sources.ts';

const granule = 64 * 1024;

/** A disk in memory that is written to, with a dirty bitmap and an allocation map of 64 KiB as a hypervisor keeps them. */
export class ChangingDisk {
  readonly bytes: Buffer;
  readonly #dirty: Uint8Array;
  readonly #allocated: Uint8Array;
  #seed: number;

  constructor(sizeBytes: number, seed = 1) {
    this.bytes = Buffer.alloc(sizeBytes);
    this.#dirty = new Uint8Array(Math.ceil(sizeBytes / granule));
    this.#allocated = new Uint8Array(this.#dirty.length);
    this.#seed = seed;
  }

  /** Writes new content. */
  write(offset: number, length: number): void {
    testBytes(length, this.#seed++).copy(this.bytes, offset);
    this.#mark(offset, length, 1);
  }

  /** Writes zeros, which the image keeps as data. */
  zero(offset: number, length: number): void {
    this.bytes.fill(0, offset, offset + length);
    this.#mark(offset, length, 1);
  }

  /** Gives whole granules inside the range back: they read as zeros and are holes. */
  discard(offset: number, length: number): void {
    const first = Math.ceil(offset / granule);
    const end = offset + length >= this.bytes.length ? this.#dirty.length : Math.floor((offset + length) / granule);
    if (end <= first) return;
    this.bytes.fill(0, first * granule, Math.min(end * granule, this.bytes.length));
    this.#dirty.fill(1, first, end);
    this.#allocated.fill(0, first, end);
  }

  /** Changes content behind the back of the bitmap. */
  corrupt(offset: number): void {
    this.bytes.writeUInt8(((this.bytes[offset] ?? 0) + 1) & 0xff, offset);
    this.#allocated[Math.floor(offset / granule)] = 1;
  }

  /** A new bitmap: from here on changes are recorded. */
  clean(): void {
    this.#dirty.fill(0);
  }

  /** Dirty bytes, whole granules. */
  get dirtyBytes(): number {
    return sum(this.changedExtents().filter((extent) => !extent.zero));
  }

  source(): BufferSource {
    return new BufferSource(this.bytes, this.#extents(this.#allocated));
  }

  async *changed(): AsyncIterable<Extent> {
    yield* this.changedExtents();
  }

  changedExtents(): Extent[] {
    return this.#extents(this.#dirty);
  }

  #mark(offset: number, length: number, value: number): void {
    const [first, end] = [Math.floor(offset / granule), Math.ceil((offset + length) / granule)];
    this.#dirty.fill(1, first, end);
    this.#allocated.fill(value, first, end);
  }

  #extents(map: Uint8Array): Extent[] {
    const extents: Extent[] = [];
    for (let i = 0; i < map.length; ) {
      let end = i;
      while (end < map.length && map[end] === map[i]) end++;
      const offset = i * granule;
      extents.push({ offset, length: Math.min(end * granule, this.bytes.length) - offset, zero: map[i] === 0 });
      i = end;
    }
    return extents;
  }
}

export function sum(extents: readonly { length: number }[]): number {
  return extents.reduce((total, { length }) => total + length, 0);
}

/** Lengths of a list's entries in KiB, zeros negative. */
export function shape(list: ContentList): number[] {
  return [...list.entries()].map(({ length }, i) => (list.isZero(i) ? -length : length) / 1024);
}
