import { AppError, hasCode } from '../../../shared/errors.ts';
import { type BlobType, blobTypes } from '../blob-id.ts';
import type { BlobRows } from '../blob-index.ts';
import { readPack, type ReaderParts } from '../blob-reader.ts';
import { BufferPool } from '../buffer-pool.ts';
import { type PooledRead, readPooled } from '../pooled-read.ts';
import type { Snapshot } from '../snapshot-file.ts';
import { TaskGroup } from '../task-group.ts';
import { DamageBook, type DamageKind } from './damage.ts';
import { DamageFinder } from './damage-paths.ts';
import { columnsOf, maxReadBytes, readsOf, type RowRead } from './row-reads.ts';
import type { BlobSet } from './row-set.ts';
import { markUsed } from './tree-walk.ts';

export interface PointError {
  /** Absolute inside the snapshot. */
  path: string;
  /** Bytes; a folder that is lost as a whole has 0 and 0. */
  offset: number;
  length: number;
  kind: DamageKind;
}

export interface PointResult {
  ok: boolean;
  /** In the order of the snapshot's files, neighbouring ranges together, at most 2 000. */
  errors: PointError[];
}

export interface PointProgress {
  /** Stored bytes of the blobs that the snapshot needs. */
  bytesDone: number;
  bytesTotal: number;
}

export interface PointOptions {
  signal: AbortSignal;
  onProgress?: (progress: PointProgress) => void;
}

/**
 * Reads again everything that one snapshot needs, neighbouring blobs together, and checks MAC, frame, length and SHA-256 of
 * each blob. Hold a shared lock. Memory: (2 + 2 per thread) reads of up to 2 MiB or one longer blob.
 * @throws storage errors, cancelled
 */
export async function verifyPoint(parts: ReaderParts, snapshot: Snapshot, options: PointOptions): Promise<PointResult> {
  const index = parts.index.rows;
  const book = new DamageBook();
  let incomplete = false;
  const used = await markUsed(parts, index, [snapshot.treeId], {
    signal: options.signal,
    onMissing: () => {
      incomplete = true;
    },
    onNoContent: () => {
      incomplete = true;
    },
    onDamagedTree: (row, message) => loseRow(index, book, 'tree', row, message),
  });
  await readAll(parts, index, used, book, options);
  if (!book.hasLosses && !incomplete) return { ok: true, errors: [] };
  const finder = new DamageFinder(parts, index, book, options.signal);
  const hits = await finder.hitsOf(Buffer.from(snapshot.treeId, 'hex'));
  const errors = hits.map(({ problem, path, offset = 0, length = 0 }) => ({
    path: path === '' ? '/' : path,
    offset,
    length,
    kind: problem.kind,
  }));
  // Something was wrong a moment ago and cannot be found any more: that is no clean bill either.
  if (errors.length === 0) throw new AppError('repositoryDamaged', 'blobs could not be read at the first try');
  return { ok: false, errors };
}

async function readAll(
  parts: ReaderParts,
  index: BlobRows,
  used: BlobSet,
  book: DamageBook,
  options: PointOptions,
): Promise<void> {
  const progress = { bytesDone: 0, bytesTotal: 0 };
  for (const type of blobTypes) {
    for (const row of used[type]) progress.bytesTotal += index.tables[type].location(row).length;
  }
  options.onProgress?.({ ...progress });
  const inFlight = Math.max(2 + 2 * parts.pool.size, parts.storage.connections);
  const tasks = new TaskGroup(inFlight, options.signal);
  const buffers = new BufferPool(maxReadBytes, inFlight);
  try {
    for (const type of blobTypes) {
      for (const read of readsOf(index, type, used[type])) {
        await tasks.start(async () => {
          await checkRead({ ...parts, buffers }, index, type, read, book);
          progress.bytesDone += read.blobs.lengths.reduce((sum, length) => sum + length, 0);
          options.onProgress?.({ ...progress });
        });
      }
    }
  } finally {
    await tasks.settle();
  }
  await tasks.finish();
  buffers.clear();
}

async function checkRead(
  parts: ReaderParts & { buffers: BufferPool },
  index: BlobRows,
  type: BlobType,
  read: RowRead,
  book: DamageBook,
): Promise<void> {
  const name = index.packName(read.pack);
  let sealed: PooledRead;
  try {
    sealed = await readPooled(parts.storage, name, read, parts.buffers);
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged')) throw error;
    await checkEach(parts, index, type, read, book, error);
    return;
  }
  const checked = await parts.pool.check(sealed, read.blobs, false);
  parts.buffers.give(checked.bytes);
  for (const { blob, message } of checked.problems) loseRow(index, book, type, read.rows[blob] as number, message);
}

/** A pack that is missing or too short: some of the blobs may still be there. */
async function checkEach(
  parts: ReaderParts,
  index: BlobRows,
  type: BlobType,
  read: RowRead,
  book: DamageBook,
  error: AppError,
): Promise<void> {
  const name = index.packName(read.pack);
  if (hasCode(error.cause, 'notFound')) {
    book.losePack(read.pack, book.add('packMissing', name, error.message));
    return;
  }
  for (const row of read.rows) {
    const { offset, length } = index.tables[type].location(row);
    try {
      const bytes = await readPack(parts.storage, name, { offset, length });
      const { problems } = await parts.pool.check({ bytes }, columnsOf(index, type, [row], offset), false);
      for (const { message } of problems) loseRow(index, book, type, row, message);
    } catch (problem) {
      if (!hasCode(problem, 'repositoryDamaged')) throw problem;
      book.loseRow(type, row, book.add('packTruncated', name, problem.message));
    }
  }
}

function loseRow(index: BlobRows, book: DamageBook, type: BlobType, row: number, message: string): void {
  const pack = index.packName(index.tables[type].location(row).pack);
  if (!book.isLost(type, row)) book.loseRow(type, row, book.add('blobDamaged', pack, `pack ${pack}: ${message}`));
}
