import { createHash } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import { type BlobType, blobTypes } from '../blob-id.ts';
import type { ReaderParts } from '../blob-reader.ts';
import { Breather } from '../breather.ts';
import { readSnapshots } from '../snapshot-list.ts';
import { type IndexPlan, planIndex } from './index-plan.ts';
import { type Listing, listRepository, loadCatalog } from './load-catalog.ts';
import { type NewPack, planNewPacks } from './new-packs.ts';
import type { CatalogPack, PackCatalog } from './pack-catalog.ts';
import { choosePacks } from './prune-choice.ts';
import type { BlobSet } from './row-set.ts';
import { unusedBytes } from './stats.ts';
import { markUsed } from './tree-walk.ts';

export interface PruneOptions {
  /** So much of what stays may be unneeded, so that little has to be repacked; restic's default is 5. */
  maxUnusedPercent: number;
  signal: AbortSignal;
}

/** What a prune would do; {@link runPrune} does exactly this as long as nothing has changed. */
export interface PrunePlan {
  /** Stored bytes that have to be read and written again. */
  repackBytes: number;
  /** By how much the sizes of all files will fall together. Negative when joining small packs costs more than it saves. */
  freedBytes: number;
  /** Of packs that nobody needs, orphans included. */
  packsToDelete: number;
  packsToRepack: number;
  newPacks: number;
  keptPacks: number;
  /** Unneeded bytes now, and of these what stays. */
  unusedBytes: number;
  unusedBytesAfter: number;
  /** What the run works with. */
  readonly work: PruneWork;
}

export interface PruneWork {
  catalog: PackCatalog;
  /** Numbers of the packs that go, in the catalog. */
  obsolete: number[];
  made: NewPack[];
  index: IndexPlan;
  /** Changes with every file that comes or goes. */
  fingerprint: string;
  maxUnusedPercent: number;
}

/**
 * Finds out what a prune would do; changes nothing. A shared lock is enough; under an exclusive one the plan stays true.
 * @throws AppError repositoryDamaged when anything that a snapshot needs is missing: nothing may be deleted then; storage
 * errors; cancelled
 */
export async function planPrune(parts: ReaderParts, options: PruneOptions): Promise<PrunePlan> {
  const { storage, key } = parts;
  const listing = await listRepository(storage);
  const catalog = await loadCatalog(storage, key, { signal: options.signal, listing });
  const snapshots = await readSnapshots(storage, key, listing.snapshot);
  const roots = snapshots.map((snapshot) => snapshot.treeId);
  const refuse = { onMissing: missing, onDamagedTree: (_row: number, message: string) => refusal(message) };
  const used = await markUsed(parts, catalog, roots, {
    ...refuse,
    signal: options.signal,
    onNoContent: () => refusal('a file has no content list'),
  });
  checkUsed(catalog, used);
  const choice = choosePacks(catalog, used, options.maxUnusedPercent);
  const made = planNewPacks(catalog, used, choice.repacked);
  const index = await planIndex(catalog, choice.kept, made, new Breather(options.signal));
  const unused = unusedBytes(catalog, used);
  return {
    repackBytes: sum(made, (pack) => pack.sizeBytes),
    freedBytes: freedBytes(catalog, [...choice.removed, ...choice.repacked], made, index),
    packsToDelete: choice.removed.filter((pack) => isListed(catalog, pack)).length + catalog.orphans.size,
    packsToRepack: choice.repacked.length,
    newPacks: made.length,
    keptPacks: choice.kept.length,
    unusedBytes: unused,
    unusedBytesAfter: remainingBytes(catalog, used, choice.kept),
    work: {
      catalog,
      obsolete: [...choice.removed, ...choice.repacked],
      made,
      index,
      fingerprint: fingerprintOf(listing),
      maxUnusedPercent: options.maxUnusedPercent,
    },
  };
}

/** Over everything that a plan depends on: names say what is in a file. */
export function fingerprintOf(listing: Listing): string {
  const hash = createHash('sha256');
  for (const type of ['index', 'snapshot', 'data'] as const) {
    for (const { name, sizeBytes } of listing[type]) hash.update(`${type} ${name} ${sizeBytes}\n`);
  }
  return hash.digest('hex');
}

function freedBytes(
  catalog: PackCatalog,
  obsolete: readonly number[],
  made: readonly NewPack[],
  index: IndexPlan,
): number {
  let freed = sum(obsolete, (pack) => (catalog.packs[pack] as CatalogPack).listedBytes ?? 0);
  freed += sum([...catalog.orphans.values()], (bytes) => bytes);
  freed += sum(index.obsolete, (file) => file.sizeBytes);
  return freed - sum(made, (pack) => pack.sizeBytes) - sum(index.written, (file) => file.sizeBytes);
}

function remainingBytes(catalog: PackCatalog, used: BlobSet, kept: readonly number[]): number {
  let bytes = 0;
  for (const number of kept) {
    for (const type of blobTypes) {
      for (const row of catalog.rowsOf(catalog.packs[number] as CatalogPack, type)) {
        if (!used[type].has(row)) bytes += catalog.tables[type].location(row).length;
      }
    }
  }
  return bytes;
}

/** A pack with needed blobs that is gone or has a wrong size. @throws AppError repositoryDamaged */
function checkUsed(catalog: PackCatalog, used: BlobSet): void {
  for (const pack of catalog.packs) {
    if (pack.listedBytes === pack.sizeBytes) continue;
    const needed = blobTypes.some((type) => [...catalog.rowsOf(pack, type)].some((row) => used[type].has(row)));
    if (needed) refusal(`pack ${pack.name} has ${pack.listedBytes ?? 0} instead of ${pack.sizeBytes} bytes`);
  }
}

function isListed(catalog: PackCatalog, pack: number): boolean {
  return catalog.packs[pack]?.listedBytes !== undefined;
}

function missing(type: BlobType, id: Buffer): never {
  return refusal(`${type} blob ${id.toString('hex')} is not in the index`);
}

function refusal(problem: string): never {
  throw new AppError('repositoryDamaged', `nothing was pruned: ${problem}`, {
    hint: 'Check the repository and remove the points that are damaged first.',
  });
}

function sum<T>(list: readonly T[], valueOf: (each: T) => number): number {
  return list.reduce((total, each) => total + valueOf(each), 0);
}
