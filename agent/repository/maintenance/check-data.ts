import { randomInt } from 'node:crypto';
import { hasCode, messageOf } from '../../../shared/errors.ts';
import { type BlobType, blobTypes } from '../blob-id.ts';
import type { ReaderParts } from '../blob-reader.ts';
import { BufferPool } from '../buffer-pool.ts';
import { throwIfAborted } from '../cancel.ts';
import type { BlobProblem } from '../pipeline-messages.ts';
import { TaskGroup } from '../task-group.ts';
import type { DamageBook } from './damage.ts';
import type { CatalogPack, PackCatalog } from './pack-catalog.ts';
import { openPackHeader } from './pack-tail.ts';
import { type PooledRead, readPooled } from '../pooled-read.ts';
import { targetBytes } from '../pack-builder.ts';
import { columnsOf } from './row-reads.ts';

/** Packs may be a little longer than what their writers aim at; memory for longer ones is not kept. */
const pooledBytes = targetBytes + 2 * 1024 * 1024;

/** How many of the packs are read. */
export type ReadData = 'none' | 'all' | { samplePercent: number };

export interface CheckProgress {
  /** Bytes of packs. */
  bytesDone: number;
  bytesTotal: number;
}

/** The packs to read: all, none, or so many of them by chance. Those that are known to be lost are left out. */
export function packsToRead(catalog: PackCatalog, readData: ReadData): CatalogPack[] {
  const percent = readData === 'all' ? 100 : readData === 'none' ? 0 : readData.samplePercent;
  const there = catalog.packs.filter((pack) => (pack.listedBytes ?? 0) >= pack.sizeBytes);
  if (percent >= 100) return there;
  const wanted = Math.ceil((there.length * Math.max(0, percent)) / 100);
  for (let i = 0; i < wanted; i++) {
    const other = randomInt(i, there.length);
    [there[i], there[other]] = [there[other] as CatalogPack, there[i] as CatalogPack];
  }
  return there.slice(0, wanted);
}

/**
 * Reads whole packs: hash, header, every blob. Memory: one pack per thread and two more.
 * @throws storage errors, cancelled
 */
export async function checkData(
  parts: ReaderParts,
  catalog: PackCatalog,
  book: DamageBook,
  packs: readonly CatalogPack[],
  options: { signal: AbortSignal; onProgress?: (progress: CheckProgress) => void },
): Promise<void> {
  const bytesTotal = packs.reduce((sum, pack) => sum + (pack.listedBytes ?? 0), 0);
  const progress = { bytesDone: 0, bytesTotal };
  options.onProgress?.({ ...progress });
  const inFlight = Math.max(parts.pool.size + 1, parts.storage.connections);
  const tasks = new TaskGroup(inFlight, options.signal);
  const buffers = new BufferPool(pooledBytes, inFlight);
  try {
    for (const pack of packs) {
      await tasks.start(async () => {
        await checkPack({ ...parts, buffers }, catalog, book, pack, options.signal);
        progress.bytesDone += pack.listedBytes ?? 0;
        options.onProgress?.({ ...progress });
      });
    }
  } finally {
    await tasks.settle();
  }
  await tasks.finish();
  buffers.clear();
}

async function checkPack(
  parts: ReaderParts & { buffers: BufferPool },
  catalog: PackCatalog,
  book: DamageBook,
  pack: CatalogPack,
  signal: AbortSignal,
): Promise<void> {
  const { name } = pack;
  let read: PooledRead;
  try {
    read = await readPooled(parts.storage, name, { offset: 0, length: pack.listedBytes ?? 0 }, parts.buffers);
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged')) throw error;
    book.losePack(catalog.packNumber(name) as number, book.add('packMissing', name, error.message));
    return;
  }
  throwIfAborted(signal);
  // Tables are told apart by type, and a mixed pack is legal: the longer list travels with the hash.
  const type: BlobType = pack.count.data >= pack.count.tree ? 'data' : 'tree';
  const other: BlobType = type === 'data' ? 'tree' : 'data';
  const rows = { data: [...catalog.rowsOf(pack, 'data')], tree: [...catalog.rowsOf(pack, 'tree')] };
  const headerProblem = compareHeader(parts, catalog, pack, read.bytes);
  const checked = await parts.pool.check(read, columnsOf(catalog, type, rows[type], 0), true);
  let found = note(catalog, book, name, type, rows[type], checked.problems);
  let memory = checked.bytes;
  if (rows[other].length > 0) {
    const again = { bytes: Buffer.from(memory), room: memory };
    const rest = await parts.pool.check(again, columnsOf(catalog, other, rows[other], 0), false);
    found += note(catalog, book, name, other, rows[other], rest.problems);
    memory = rest.bytes;
  }
  parts.buffers.give(memory);
  if (headerProblem !== undefined) book.add('headerMismatch', name, `pack ${name}: ${headerProblem}`);
  else if (checked.sha256 !== name && found === 0)
    book.add('packDamaged', name, `pack ${name} does not match its SHA-256`);
}

function note(
  catalog: PackCatalog,
  book: DamageBook,
  pack: string,
  type: BlobType,
  rows: readonly number[],
  problems: readonly BlobProblem[],
): number {
  for (const { blob, message } of problems) {
    const row = rows[blob] as number;
    if (!book.isLost(type, row)) book.loseRow(type, row, book.add('blobDamaged', pack, `pack ${pack}: ${message}`));
  }
  return problems.length;
}

/** @returns what differs between header and index; undefined when nothing does */
function compareHeader(parts: ReaderParts, catalog: PackCatalog, pack: CatalogPack, bytes: Buffer): string | undefined {
  try {
    const blobs = openPackHeader(parts.key, bytes);
    if (blobs.length !== pack.count.data + pack.count.tree) {
      return `its header has ${blobs.length} blobs, the index ${pack.count.data + pack.count.tree}`;
    }
    const byOffset = new Map<number, { type: BlobType; row: number }>();
    for (const type of blobTypes) {
      for (const row of catalog.rowsOf(pack, type)) {
        byOffset.set(catalog.tables[type].location(row).offset, { type, row });
      }
    }
    for (const blob of blobs) {
      const known = byOffset.get(blob.offset);
      const table = catalog.tables[blob.type];
      const location = known?.type === blob.type ? table.location(known.row) : undefined;
      const same =
        known !== undefined &&
        location?.length === blob.length &&
        location.plainLength === blob.plainLength &&
        location.compressed === blob.compressed &&
        table.id(known.row).equals(blob.id);
      if (!same) return `its header and the index differ about the blob at ${blob.offset}`;
    }
    return undefined;
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged')) throw error;
    return messageOf(error);
  }
}
