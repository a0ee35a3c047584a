import type { BlobType } from '../blob-id.ts';
import type { ReaderParts } from '../blob-reader.ts';
import { listSnapshots } from '../snapshot-list.ts';
import type { Snapshot } from '../snapshot-file.ts';
import { checkData, type CheckProgress, packsToRead, type ReadData } from './check-data.ts';
import { checkPacks } from './check-packs.ts';
import { DamageBook, type DamageKind, type Problem } from './damage.ts';
import { DamageFinder, type Hit } from './damage-paths.ts';
import { loadCatalog } from './load-catalog.ts';
import type { PackCatalog } from './pack-catalog.ts';
import { markUsed } from './tree-walk.ts';

export interface CheckError {
  kind: DamageKind;
  /** Name of the pack, empty when it is not about one. */
  pack: string;
  /** Ids of the snapshots that are hit; empty when nothing that a snapshot needs is. */
  snapshots: string[];
  /** The file that is hit, absolute inside the snapshots. */
  path?: string;
  /** Where in the file, bytes; a folder has no such. */
  offset?: number;
  length?: number;
  message: string;
}

export interface CheckResult {
  ok: boolean;
  /** The first 1 000. */
  errors: CheckError[];
  /** All that were found. */
  errorCount: number;
}

export interface CheckOptions {
  readData: ReadData;
  signal: AbortSignal;
  onProgress?: (progress: CheckProgress) => void;
}

const mostErrors = 1000;

/**
 * restic's checks: index and snapshots can be read, every pack is there with the size that the index computes to, everything
 * that the snapshots need is in the index; with data, every byte of the packs. It never stops at the first error, and says
 * which parts of which files are hit. Hold a shared lock.
 * @throws storage errors, cancelled
 */
export async function checkRepository(parts: ReaderParts, options: CheckOptions): Promise<CheckResult> {
  const { storage, key } = parts;
  const book = new DamageBook();
  const catalog = await loadCatalog(storage, key, {
    signal: options.signal,
    onDamaged: (_name, message) => book.add('indexDamaged', '', message),
  });
  checkPacks(catalog, book);
  const snapshots = await listSnapshots(storage, key, (id, error) => {
    book.add('snapshotDamaged', '', error.message, id);
  });
  const incomplete = await checkTrees(parts, catalog, book, snapshots, options.signal);
  await checkData(parts, catalog, book, packsToRead(catalog, options.readData), options);
  const found = new ErrorList();
  // What hides the rest comes first: the list is cut at its end.
  for (const problem of book.problems) if (problem.kind === 'indexDamaged') found.addProblem(problem);
  if (book.hasLosses || incomplete) await locate(parts, catalog, book, snapshots, found, options.signal);
  for (const problem of book.problems)
    if (!problem.located && problem.kind !== 'indexDamaged') found.addProblem(problem);
  return found.result();
}

/** @returns whether the snapshots need something that the index does not know */
async function checkTrees(
  parts: ReaderParts,
  catalog: PackCatalog,
  book: DamageBook,
  snapshots: readonly Snapshot[],
  signal: AbortSignal,
): Promise<boolean> {
  let incomplete = false;
  const roots = snapshots.map((snapshot) => snapshot.treeId);
  await markUsed(parts, catalog, roots, {
    signal,
    onMissing: (_type: BlobType, _id: Buffer) => {
      incomplete = true;
    },
    onNoContent: () => {
      incomplete = true;
    },
    onDamagedTree: (row, message) => {
      const { pack } = catalog.tables.tree.location(row);
      if (book.problemOf('tree', row, pack) !== undefined) return;
      book.loseRow('tree', row, book.add('blobDamaged', catalog.packName(pack), message));
    },
  });
  return incomplete;
}

async function locate(
  parts: ReaderParts,
  catalog: PackCatalog,
  book: DamageBook,
  snapshots: readonly Snapshot[],
  found: ErrorList,
  signal: AbortSignal,
): Promise<void> {
  const finder = new DamageFinder(parts, catalog, book, signal);
  for (const { id, treeId } of snapshots) {
    for (const hit of await finder.hitsOf(Buffer.from(treeId, 'hex'))) {
      hit.problem.located = true;
      found.addHit(id, hit);
    }
  }
}

class ErrorList {
  readonly #errors = new Map<string, CheckError>();
  #beyond = 0;

  addHit(snapshot: string, hit: Hit): void {
    const { kind, pack, message } = hit.problem;
    const path = hit.path === '' ? '/' : hit.path;
    const key = JSON.stringify([kind, pack, path, hit.offset, hit.length]);
    const known = this.#errors.get(key);
    if (known !== undefined) {
      known.snapshots.push(snapshot);
      return;
    }
    const place =
      hit.offset === undefined || hit.length === undefined ? {} : { offset: hit.offset, length: hit.length };
    this.#add(key, { kind, pack, snapshots: [snapshot], path, ...place, message });
  }

  addProblem({ kind, pack, message, snapshot }: Problem): void {
    const key = JSON.stringify([kind, pack, message]);
    this.#add(key, { kind, pack, snapshots: snapshot === undefined ? [] : [snapshot], message });
  }

  result(): CheckResult {
    const errors = [...this.#errors.values()];
    const errorCount = errors.length + this.#beyond;
    return { ok: errorCount === 0, errors, errorCount };
  }

  #add(key: string, error: CheckError): void {
    if (this.#errors.size < mostErrors) this.#errors.set(key, error);
    else this.#beyond++;
  }
}
