import { locateBlob } from './blob-reader.ts';
import type { BlobIndex } from './blob-index.ts';
import { idBytes } from './blob-id.ts';
import type { ContentList } from './content-list.ts';
import type { SealedBlobs } from './pipeline-messages.ts';

/** One read of a pack: neighbouring blobs together, and where their content goes. */
export interface PackRead {
  packName: string;
  offset: number;
  length: number;
  blobs: SealedBlobs;
  /** Per blob, the offsets in the file where its content stands. */
  targets: number[][];
}

/** Unwanted bytes between two blobs that are cheaper to read than to seek over. */
const maxGapBytes = 64 * 1024;
/** Stored bytes of several blobs read together. */
export const maxReadBytes = 2 * 1024 * 1024;
/** The content of several blobs read together, bytes. */
export const maxPlainBytes = 4 * 1024 * 1024;

/** The entries to restore as columns, 24 bytes each. */
class Columns {
  count = 0;
  readonly entry: Uint32Array;
  readonly target: Float64Array;
  readonly pack: Uint32Array;
  readonly offset: Uint32Array;

  constructor(size: number) {
    this.entry = new Uint32Array(size);
    this.target = new Float64Array(size);
    this.pack = new Uint32Array(size);
    this.offset = new Uint32Array(size);
  }
}

/**
 * Orders the non-zero blobs of a file by pack and offset and joins neighbours into reads. Packs come in the order of the
 * file, so that writing stays nearly sequential. Known zero blobs are left out.
 * @throws AppError repositoryDamaged when the index does not know a blob
 */
export function* planRestore(content: ContentList, index: BlobIndex): Generator<PackRead> {
  const columns = collect(content, index);
  let read: ReadBuilder | undefined;
  for (const i of orderOf(columns)) {
    const id = content.id(at(columns.entry, i));
    const blob = locateBlob(index, 'data', id);
    if (read?.accepts(blob) !== true) {
      if (read !== undefined) yield read.finish(index);
      read = new ReadBuilder(blob.pack, blob.offset);
    }
    read.add(id, blob, at(columns.target, i));
  }
  if (read !== undefined) yield read.finish(index);
}

function collect(content: ContentList, index: BlobIndex): Columns {
  const columns = new Columns(content.count);
  let target = 0;
  for (let i = 0; i < content.count; i++) {
    if (!content.isZero(i)) {
      const blob = locateBlob(index, 'data', content.id(i));
      const row = columns.count++;
      columns.entry[row] = i;
      columns.target[row] = target;
      columns.pack[row] = blob.pack;
      columns.offset[row] = blob.offset;
    }
    target += content.length(i);
  }
  return columns;
}

/** The rows by pack, packs as they first appear, then by offset: sorted by counting, since a comparison per row is dear. */
function orderOf(columns: Columns): Uint32Array {
  const { ranks, starts } = rankPacks(columns);
  const order = new Uint32Array(columns.count);
  const next = starts.slice();
  for (let i = 0; i < columns.count; i++) {
    const rank = ranks.get(at(columns.pack, i)) as number;
    order[(next[rank] as number)++] = i;
  }
  for (let rank = 0; rank < starts.length; rank++) {
    const rows = order.subarray(starts[rank], starts[rank + 1] ?? columns.count);
    const isSorted = rows.every(
      (row, k) => k === 0 || at(columns.offset, rows[k - 1] as number) <= at(columns.offset, row),
    );
    if (!isSorted) rows.sort((a, b) => at(columns.offset, a) - at(columns.offset, b) || a - b);
  }
  return order;
}

/** @returns the rank of each pack, and how many rows come before those of each rank */
function rankPacks(columns: Columns): { ranks: Map<number, number>; starts: number[] } {
  const ranks = new Map<number, number>();
  const counts: number[] = [];
  for (let i = 0; i < columns.count; i++) {
    const pack = at(columns.pack, i);
    const rank = ranks.get(pack) ?? ranks.size;
    if (rank === ranks.size) ranks.set(pack, rank);
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
  let before = 0;
  const starts = counts.map((count) => (before += count) - count);
  return { ranks, starts };
}

type Located = ReturnType<typeof locateBlob>;

class ReadBuilder {
  readonly #pack: number;
  readonly #start: number;
  #end: number;
  #plainBytes = 0;
  readonly #blobs: (Located & { id: Buffer })[] = [];
  readonly #targets: number[][] = [];

  constructor(pack: number, start: number) {
    this.#pack = pack;
    this.#start = start;
    this.#end = start;
  }

  accepts(blob: Located): boolean {
    if (blob.pack !== this.#pack) return false;
    if (this.#isLast(blob)) return true;
    if (blob.offset - this.#end > maxGapBytes) return false;
    return (
      blob.offset + blob.length - this.#start <= maxReadBytes && this.#plainBytes + blob.plainLength <= maxPlainBytes
    );
  }

  add(id: Buffer, blob: Located, target: number): void {
    if (this.#isLast(blob)) {
      (this.#targets.at(-1) as number[]).push(target);
      return;
    }
    this.#blobs.push({ ...blob, id });
    this.#targets.push([target]);
    this.#end = Math.max(this.#end, blob.offset + blob.length);
    this.#plainBytes += blob.plainLength;
  }

  finish(index: BlobIndex): PackRead {
    const blobs = this.#blobs;
    const ids = new Uint8Array(blobs.length * idBytes);
    blobs.forEach((blob, i) => ids.set(blob.id, i * idBytes));
    return {
      packName: index.packName(this.#pack),
      offset: this.#start,
      length: this.#end - this.#start,
      blobs: {
        ids,
        offsets: Uint32Array.from(blobs, (blob) => blob.offset - this.#start),
        lengths: Uint32Array.from(blobs, (blob) => blob.length),
        plainLengths: Uint32Array.from(blobs, (blob) => blob.plainLength),
        compressed: Uint8Array.from(blobs, (blob) => (blob.compressed ? 1 : 0)),
      },
      targets: this.#targets,
    };
  }

  /** The same blob again: it is read once and written to several places. */
  #isLast(blob: Located): boolean {
    return this.#blobs.at(-1)?.offset === blob.offset;
  }
}

function at(column: Uint32Array | Float64Array, i: number): number {
  return column[i] as number;
}
