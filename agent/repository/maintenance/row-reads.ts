import { type BlobType, idBytes } from '../blob-id.ts';
import type { BlobRows } from '../blob-index.ts';
import type { BlobLocation } from '../blob-table.ts';
import type { SealedBlobs } from '../pipeline-messages.ts';

/** One read of a pack: neighbouring blobs together. */
export interface RowRead {
  pack: number;
  offset: number;
  length: number;
  rows: readonly number[];
  blobs: SealedBlobs;
  plainBytes: number;
}

/** Unwanted bytes between two blobs that are cheaper to read than to seek over. */
const maxGapBytes = 64 * 1024;
/** Stored bytes of several blobs read together. */
export const maxReadBytes = 2 * 1024 * 1024;
const maxPlainBytes = 4 * 1024 * 1024;

/**
 * Joins neighbouring blobs into reads. Rows stand pack by pack in the order of the index, so ascending rows are as good as
 * sorted; what is out of order only costs a read of its own.
 */
export function* readsOf(index: BlobRows, type: BlobType, rows: Iterable<number>): Generator<RowRead> {
  let blobs: BlobLocation[] = [];
  let numbers: number[] = [];
  let plainBytes = 0;
  for (const row of rows) {
    const blob = index.tables[type].location(row);
    if (blobs.length > 0 && !follows(blobs, blob, plainBytes)) {
      yield build(index, type, numbers, blobs);
      [blobs, numbers, plainBytes] = [[], [], 0];
    }
    blobs.push(blob);
    numbers.push(row);
    plainBytes += blob.plainLength;
  }
  if (blobs.length > 0) yield build(index, type, numbers, blobs);
}

function follows(blobs: readonly BlobLocation[], blob: BlobLocation, plainBytes: number): boolean {
  const first = blobs[0] as BlobLocation;
  const last = blobs[blobs.length - 1] as BlobLocation;
  if (blob.pack !== first.pack) return false;
  const gap = blob.offset - (last.offset + last.length);
  if (gap < 0 || gap > maxGapBytes) return false;
  return blob.offset + blob.length - first.offset <= maxReadBytes && plainBytes + blob.plainLength <= maxPlainBytes;
}

function build(index: BlobRows, type: BlobType, rows: readonly number[], found: readonly BlobLocation[]): RowRead {
  const first = found[0] as BlobLocation;
  const last = found[found.length - 1] as BlobLocation;
  return {
    pack: first.pack,
    offset: first.offset,
    length: last.offset + last.length - first.offset,
    rows,
    blobs: columnsOf(index, type, rows, first.offset),
    plainBytes: found.reduce((sum, blob) => sum + blob.plainLength, 0),
  };
}

/** What the threads need to know of the blobs. @param start where the bytes that they get begin in the pack */
export function columnsOf(index: BlobRows, type: BlobType, rows: readonly number[], start: number): SealedBlobs {
  const table = index.tables[type];
  const found = rows.map((row) => table.location(row));
  const ids = new Uint8Array(rows.length * idBytes);
  rows.forEach((row, i) => ids.set(table.id(row), i * idBytes));
  return {
    ids,
    offsets: Uint32Array.from(found, (blob) => blob.offset - start),
    lengths: Uint32Array.from(found, (blob) => blob.length),
    plainLengths: Uint32Array.from(found, (blob) => blob.plainLength),
    compressed: Uint8Array.from(found, (blob) => (blob.compressed ? 1 : 0)),
  };
}
