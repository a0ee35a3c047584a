import { idBytes } from './blob-id.ts';

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
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(id) & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] as number) - 1;
      if (row < 0 || this.#equals(row, id)) return row;
    }
  }

  has(id: Uint8Array): boolean {
    return this.find(id) >= 0;
  }

  /** Adds an id that is not there yet; a known one keeps its first location. @returns its row */
  add(id: Uint8Array, location: BlobLocation): number {
    const known = this.find(id);
    if (known >= 0) return known;
    const row = this.#count++;
    if ((row & segmentMask) === 0) this.#grow();
    const segment = this.#segments[row >> segmentBits] as Segment;
    const at = row & segmentMask;
    segment.ids.set(id, at * idBytes);
    segment.numbers[at * fields] = location.pack;
    segment.numbers[at * fields + 1] = location.offset;
    segment.numbers[at * fields + 2] = location.length;
    // An uncompressed blob is told by its length, which leaves all 32 bits to the plain length.
    segment.numbers[at * fields + 3] = location.compressed ? location.plainLength : 0;
    if (this.#count * 2 > this.#slots.length) this.#rehash(this.#slots.length * 2);
    else this.#place(row, hashOf(id));
    return row;
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
      plainLength: plain === 0 ? length - 32 : plain,
      compressed: plain !== 0,
    };
  }

  /** The id in place; do not keep it beyond the table. */
  id(row: number): Buffer {
    const at = (row & segmentMask) * idBytes;
    return (this.#segments[row >> segmentBits] as Segment).ids.subarray(at, at + idBytes);
  }

  #equals(row: number, id: Uint8Array): boolean {
    const { ids } = this.#segments[row >> segmentBits] as Segment;
    const at = (row & segmentMask) * idBytes;
    return ids.compare(id, 0, idBytes, at, at + idBytes) === 0;
  }

  #grow(): void {
    this.#segments.push({
      ids: Buffer.allocUnsafeSlow(segmentSize * idBytes),
      numbers: new Uint32Array(segmentSize * fields),
    });
  }

  #rehash(size: number): void {
    this.#slots = new Uint32Array(size);
    for (let row = 0; row < this.#count; row++) this.#place(row, hashOf(this.id(row)));
  }

  #place(row: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }
}

/** Ids are SHA-256 values, so four of their bytes are as good as any hash. */
function hashOf(id: Uint8Array): number {
  return (((id[0] as number) << 24) | ((id[1] as number) << 16) | ((id[2] as number) << 8) | (id[3] as number)) >>> 0;
}
