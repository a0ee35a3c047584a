import { idBytes } from './blob-id.ts';
import { sealOverhead } from './cipher.ts';

/** Where a blob lies. `plainLength` is the length of the content, `compressed` whether it is a zstd frame. */
export interface BlobLocation {
  /** Number of the pack in the caller's own numbering. */
  pack: number;
  offset: number;
  /** Stored bytes, sealing included. */
  length: number;
  plainLength: number;
  compressed: boolean;
}

const segmentBits = 14;
const segmentSize = 1 << segmentBits;
const segmentMask = segmentSize - 1;
/** 32 bytes of id, then pack, offset, length, plain length as u32. */
const fields = 4;

interface Segment {
  ids: Buffer;
  numbers: Uint32Array;
}

/**
 * A hash table from 32-byte ids to locations in flat memory: 48 bytes a blob plus 4 to 11 of slots. A Map of a million hex
 * strings would take four times that and stall the garbage collector. Rows are never removed: the owner builds a new table.
 */
export class BlobTable {
  readonly #segments: Segment[] = [];
  #count = 0;
  /** Open addressing; 0 is empty, else row + 1. */
  #slots = new Uint32Array(1024);

  get size(): number {
    return this.#count;
  }

  /** The row of the id, −1 when it is unknown. */
  find(id: Uint8Array): number {
    return (this.#slots[this.#slotOf(id)] as number) - 1;
  }

  has(id: Uint8Array): boolean {
    return this.find(id) >= 0;
  }

  /** Adds an id that is not there yet; a known one keeps its first location. @returns its row */
  add(id: Uint8Array, location: BlobLocation): number {
    const { pack, offset, length } = location;
    return this.addStored(id, pack, offset, length, location.compressed ? location.plainLength : 0);
  }

  /** The same without an object for each of a million. @param plainLength 0 = not compressed */
  addStored(id: Uint8Array, pack: number, offset: number, length: number, plainLength: number): number {
    const slot = this.#slotOf(id);
    const known = (this.#slots[slot] as number) - 1;
    if (known >= 0) return known;
    const row = this.#write(id, pack, offset, length, plainLength);
    this.#occupy(slot, row);
    return row;
  }

  #write(id: Uint8Array, pack: number, offset: number, length: number, plainLength: number): number {
    const row = this.#count++;
    if (row >> segmentBits >= this.#segments.length) this.#grow();
    const { ids, numbers } = this.#segments[row >> segmentBits] as Segment;
    const at = row & segmentMask;
    for (let i = 0; i < idBytes; i++) ids[at * idBytes + i] = id[i] as number;
    numbers[at * fields] = pack;
    numbers[at * fields + 1] = offset;
    numbers[at * fields + 2] = length;
    // An uncompressed blob is told by its length, which leaves all 32 bits to the plain length.
    numbers[at * fields + 3] = plainLength;
    return row;
  }

  #occupy(slot: number, row: number): void {
    this.#slots[slot] = row + 1;
    if (this.#count * 2 > this.#slots.length) this.#rehash(this.#slots.length * 2);
  }

  /** Adds a row even for a known id; {@link find} goes on giving the first one. @returns the new row */
  append(id: Uint8Array, blob: { pack: number; offset: number; length: number; plainLength: number }): number {
    const row = this.#write(id, blob.pack, blob.offset, blob.length, blob.plainLength);
    const mask = this.#slots.length - 1;
    let slot = hashOf(id) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#occupy(slot, row);
    return row;
  }

  /** The next row of the same id behind `row`, −1 when there is none. */
  findNext(id: Uint8Array, row: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hashOf(id) & mask; ; slot = (slot + 1) & mask) {
      const other = (slots[slot] as number) - 1;
      if (other < 0) return -1;
      if (other > row && this.#equals(other, id)) return other;
    }
  }

  /** What the table takes in memory. */
  get memoryBytes(): number {
    return this.#segments.length * segmentSize * (idBytes + 4 * fields) + this.#slots.byteLength;
  }

  /** Forgets the rows from `count` on. */
  shrink(count: number): void {
    this.#count = Math.min(this.#count, count);
    this.#rehash(this.#slots.length);
  }

  /** Length of the content of a row, bytes. */
  plainLength(row: number): number {
    const { numbers } = this.#segments[row >> segmentBits] as Segment;
    const at = (row & segmentMask) * fields;
    const plain = numbers[at + 3] as number;
    return plain === 0 ? (numbers[at + 2] as number) - sealOverhead : plain;
  }

  location(row: number): BlobLocation {
    const { numbers } = this.#segments[row >> segmentBits] as Segment;
    const at = (row & segmentMask) * fields;
    const length = numbers[at + 2] as number;
    const plain = numbers[at + 3] as number;
    return {
      pack: numbers[at] as number,
      offset: numbers[at + 1] as number,
      length,
      plainLength: plain === 0 ? length - sealOverhead : plain,
      compressed: plain !== 0,
    };
  }

  /** The id in place; do not keep it beyond the table. */
  id(row: number): Buffer {
    const at = (row & segmentMask) * idBytes;
    return (this.#segments[row >> segmentBits] as Segment).ids.subarray(at, at + idBytes);
  }

  /** The slot of the id, an empty one when it is unknown. */
  #slotOf(id: Uint8Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hashOf(id) & mask; ; slot = (slot + 1) & mask) {
      const row = (slots[slot] as number) - 1;
      if (row < 0 || this.#equals(row, id)) return slot;
    }
  }

  #equals(row: number, id: Uint8Array): boolean {
    const { ids } = this.#segments[row >> segmentBits] as Segment;
    const at = (row & segmentMask) * idBytes;
    for (let i = 0; i < idBytes; i++) if (ids[at + i] !== id[i]) return false;
    return true;
  }

  #grow(): void {
    this.#segments.push({
      ids: Buffer.allocUnsafeSlow(segmentSize * idBytes),
      numbers: new Uint32Array(segmentSize * fields),
    });
  }

  #rehash(size: number): void {
    const slots = new Uint32Array(size);
    const mask = size - 1;
    for (let row = 0; row < this.#count; row++) {
      const { ids } = this.#segments[row >> segmentBits] as Segment;
      let slot = hashOf(ids, (row & segmentMask) * idBytes) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
    this.#slots = slots;
  }
}

/** Ids are SHA-256 values, so four of their bytes are as good as any hash. */
function hashOf(ids: Uint8Array, at = 0): number {
  const [a, b, c, d] = [ids[at], ids[at + 1], ids[at + 2], ids[at + 3]] as [number, number, number, number];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
