import { bytes, confirmOrThrow, isJson, note, printObject, printRows, time } from '../../../shared/node/print.ts';
import { percentOf } from '../../../shared/option-values.ts';
import { type OpenFlags, withRepository } from './open.ts';
import { Progress } from './progress.ts';

interface Confirmed extends OpenFlags {
  yes?: boolean;
}

interface PruneFlags extends Confirmed {
  dryRun?: boolean;
  maxUnused: string;
}

/** `repo prune`: gives unused space back. */
export async function prune(flags: PruneFlags): Promise<void> {
  const dryRun = flags.dryRun === true;
  const maxUnusedPercent = percentOf(flags.maxUnused, '--max-unused');
  if (!dryRun) await confirmOrThrow(`Remove unused data from ${flags.repo} for good?`, flags.yes === true);
  await withRepository(flags, ({ repository, signal, locked }) =>
    locked(
      async (lock) => {
        const maintenance = repository.maintenance(lock);
        let plan = await maintenance.planPrune({ maxUnusedPercent, signal });
        if (!dryRun) {
          const progress = new Progress('packs written again or removed');
          plan = await maintenance.prune(plan, { signal, onProgress: progress.update }).finally(() => progress.end());
        }
        const { repackBytes, freedBytes, packsToDelete, packsToRepack } = plan;
        note(`${dryRun ? 'Would free' : 'Freed'} ${bytes(Math.max(0, freedBytes))}, ${bytes(repackBytes)} rewritten.`);
        printObject({ dryRun, repackBytes, freedBytes, packsToDelete, packsToRepack });
      },
      { exclusive: !dryRun, withoutIndex: true },
    ),
  );
}

/** `repo stats`: what the repository holds. */
export async function stats(flags: OpenFlags): Promise<void> {
  await withRepository(flags, ({ repository, signal, locked }) =>
    locked(async (lock) => {
      const found = await repository.maintenance(lock).stats({ signal });
      const { storedBytes, unusedBytes, indexMemoryBytes, ...counts } = found;
      if (isJson()) return printObject(found);
      const sizes = { stored: bytes(storedBytes), unused: bytes(unusedBytes), indexMemory: bytes(indexMemoryBytes) };
      return printObject({ ...counts, ...sizes });
    }),
  );
}

/** `repo locks`: who uses the repository, and away with what dead owners left. */
export async function locks(flags: Confirmed & { removeStale?: boolean }): Promise<void> {
  if (flags.removeStale === true) await confirmOrThrow(`Remove the stale locks of ${flags.repo}?`, flags.yes === true);
  await withRepository(flags, async ({ repository }) => {
    if (flags.removeStale === true) {
      const removed = await repository.locks.removeStale();
      note(`${removed.length} stale locks were removed.`);
    }
    const found = await repository.locks.judge();
    const rows = found.map(({ name, holder, problem, stale }) => ({
      id: name,
      host: holder?.hostname ?? null,
      pid: holder?.pid ?? null,
      exclusive: holder?.exclusive ?? null,
      createdAt: holder?.time ?? null,
      stale,
      problem: problem ?? null,
    }));
    printRows(rows, [
      ['ID', (row) => row.id.slice(0, 12)],
      ['HOST', (row) => row.host],
      ['PID', (row) => row.pid],
      ['EXCLUSIVE', (row) => row.exclusive],
      ['SINCE', (row) => time(row.createdAt)],
      ['STALE', (row) => row.stale],
      ['PROBLEM', (row) => row.problem],
    ]);
  });
}

/** `repo rebuild-index`: makes the index anew from the packs. */
export async function rebuildIndex(flags: Confirmed): Promise<void> {
  await confirmOrThrow(
    `Rebuild the index of ${flags.repo} from its packs? Nobody can use it meanwhile.`,
    flags.yes === true,
  );
  await withRepository(flags, ({ repository, signal, locked }) =>
    locked(
      async (lock) => {
        const progress = new Progress('packs read');
        const { packs, blobs, damaged } = await repository
          .maintenance(lock)
          .rebuildIndex({ signal, onProgress: progress.update })
          .finally(() => progress.end());
        for (const { pack, message } of damaged) note(`Left out: pack ${pack}: ${message}`);
        printObject({ packs, blobs, damagedPacks: damaged.map(({ pack }) => pack) });
        process.exitCode = damaged.length === 0 ? 0 : 1;
      },
      { exclusive: true, withoutIndex: true },
    ),
  );
}
