import { AppError } from '../../../shared/errors.ts';
import type { ReaderParts } from '../blob-reader.ts';
import { throwIfAborted } from '../cancel.ts';
import { removeFiles } from '../storage/remove-files.ts';
import type { FileType } from '../storage/storage.ts';
import { TaskGroup } from '../task-group.ts';
import { indexJson } from './index-plan.ts';
import { listRepository } from './load-catalog.ts';
import { sealPadded } from './padded-index.ts';
import { fingerprintOf, planPrune, type PrunePlan } from './prune-plan.ts';
import { repack } from './repack.ts';

/** Between two looks at the cancel. */
const removedTogether = 512;

export interface PruneProgress {
  /** Bytes of packs: those that are written again and those that are deleted. */
  bytesDone: number;
  bytesTotal: number;
}

export interface PruneRunOptions {
  /** Holds the exclusive lock's signal too. */
  signal: AbortSignal;
  onProgress?: (progress: PruneProgress) => void;
  /** The plan was made under the same exclusive lock: nothing can have changed. */
  isCurrent?: boolean;
}

/**
 * Does what the plan says, or what a new plan says when the repository has changed since. Each step is durable before the
 * next: new packs, new index files, old index files go, old packs go. A crash anywhere leaves at most packs that no index
 * names and blobs that stand twice; the next prune cleans both. Only under an exclusive lock.
 * @returns the plan that was carried out
 * @throws AppError repositoryDamaged, storage errors, cancelled
 */
export async function runPrune(parts: ReaderParts, plan: PrunePlan, options: PruneRunOptions): Promise<PrunePlan> {
  const { signal } = options;
  const { maxUnusedPercent } = plan.work;
  const isCurrent = options.isCurrent === true || (await isUnchanged(parts, plan));
  const used = isCurrent ? plan : await planPrune(parts, { maxUnusedPercent, signal });
  await carryOut(parts, used, options);
  // For whoever reads on under the same lock; the next one loads it anyway.
  if (parts.index.blobCount > 0) await parts.index.load(signal);
  return used;
}

async function isUnchanged({ storage }: ReaderParts, { work }: PrunePlan): Promise<boolean> {
  return work.fingerprint === fingerprintOf(await listRepository(storage));
}

async function carryOut(parts: ReaderParts, plan: PrunePlan, options: PruneRunOptions): Promise<void> {
  const { catalog, obsolete, made, index } = plan.work;
  const { signal } = options;
  const sizeOf = (name: string) => {
    const number = catalog.packNumber(name);
    return (number === undefined ? catalog.orphans.get(name) : catalog.packs[number]?.listedBytes) ?? 0;
  };
  const orphans = [...catalog.orphans.keys()];
  const packs = obsolete.map((pack) => catalog.packName(pack)).filter((name) => sizeOf(name) > 0);
  const deleted = [...orphans, ...packs].reduce((sum, name) => sum + sizeOf(name), 0);
  const progress: PruneProgress = { bytesDone: 0, bytesTotal: plan.repackBytes + deleted };
  const advance = (bytes: number) => {
    progress.bytesDone += bytes;
    options.onProgress?.({ ...progress });
  };
  // Nobody can refer to them, and the space may be needed for what comes.
  await removeAll(parts, 'data', orphans, signal, (name) => advance(sizeOf(name)));
  const names = await repack(parts, catalog, made, { signal, onCopied: advance });
  await writeIndex(parts, plan, names, signal);
  const obsoleteFiles = index.obsolete.map((file) => file.name);
  await removeAll(parts, 'index', obsoleteFiles, signal, () => undefined);
  await removeAll(parts, 'data', packs, signal, (name) => advance(sizeOf(name)));
}

/** All of them are durable when it ends. */
async function writeIndex(
  parts: ReaderParts,
  { work }: PrunePlan,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const nameOf = (place: number) => {
    const name = names[place];
    if (name === undefined) throw new AppError('internal', 'a planned pack was not written');
    return name;
  };
  const tasks = new TaskGroup(parts.storage.connections, signal);
  try {
    for (const planned of work.index.written) {
      await tasks.start(async () => {
        const file = sealPadded(parts.key, indexJson(work.catalog, planned, work.made, nameOf), planned.sizeBytes);
        await parts.storage.write('index', file.name, [file.bytes]);
      });
    }
  } finally {
    await tasks.settle();
  }
  await tasks.finish();
}

async function removeAll(
  parts: ReaderParts,
  type: FileType,
  names: readonly string[],
  signal: AbortSignal,
  onRemoved: (name: string) => void,
): Promise<void> {
  for (let at = 0; at < names.length; at += removedTogether) {
    throwIfAborted(signal);
    const some = names.slice(at, at + removedTogether);
    await removeFiles(parts.storage, type, some);
    some.forEach(onRemoved);
  }
}
