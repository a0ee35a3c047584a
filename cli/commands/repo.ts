import type { Command } from 'commander';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import { AppError } from '../../shared/errors.ts';
import type { MaintenanceResult } from '../../shared/model/maintenance.ts';
import { percentOf } from '../../shared/option-values.ts';
import { bytes, confirmOrThrow, note, printObject, printRows, time } from '../output.ts';
import { addKeys } from './repo-keys.ts';
import { exitCodeOfState, explain, waitForTasks } from '../wait.ts';
import { withEngine } from '../with-engine.ts';

/** Waits for a task of maintenance and gives what it found; a failed one sets the exit code. */
async function resultOf<K extends MaintenanceResult['kind']>(
  started: { taskIds: number[] },
  kind: K,
): Promise<Extract<MaintenanceResult, { kind: K }> | undefined> {
  note(`Started task ${started.taskIds.join(', ')}.`);
  const [task] = await waitForTasks(started.taskIds);
  if (task === undefined) throw new AppError('internal', 'no task was started');
  explain(task);
  process.exitCode = exitCodeOfState(task.state);
  const found = findingOf(task);
  return found?.kind === kind ? (found as Extract<MaintenanceResult, { kind: K }>) : undefined;
}

function findingOf({ result }: TaskView): MaintenanceResult | undefined {
  return result !== null && 'kind' in result ? result : undefined;
}

/** `repo stats | check | prune | locks | adopt | keys | rebuild-index`. */
export function addRepo(program: Command): void {
  const repo = program.command('repo').description('repositories of pools');
  repo.command('stats <pool>').action(async (pool: string) => {
    printObject(await withEngine((engine) => engine.call('repositories.stats', { pool }, { timeoutMs: 600_000 })));
  });
  repo
    .command('check <pool>')
    .option('--read-data', 'read every pack and check every hash')
    .option('--sample <share>', 'read this share of the packs, for example 5%')
    .action(check);
  repo
    .command('prune <pool>')
    .description('frees what no backup uses any more')
    .option('--dry-run', 'only say how much it would free')
    .option('--max-unused <share>', 'unused data that may stay', '5%')
    .option('--yes', 'do not ask')
    .action(prune);
  repo
    .command('locks <pool>')
    .option('--remove-stale', 'remove locks whose owners are gone')
    .option('--yes', 'do not ask')
    .action(async (pool: string, options: { removeStale?: boolean; yes?: boolean }) => {
      const removeStale = options.removeStale === true;
      if (removeStale) await confirmOrThrow(`Remove the stale locks of ${pool}?`, options.yes === true);
      const { locks } = await withEngine((engine) => engine.call('repositories.locks', { pool, removeStale }));
      printRows(locks, [
        ['ID', (row) => row.id.slice(0, 12)],
        ['HOST', (row) => row.host],
        ['PID', (row) => row.pid],
        ['EXCLUSIVE', (row) => row.exclusive],
        ['SINCE', (row) => time(row.createdAt)],
        ['STALE', (row) => row.stale],
      ]);
    });
  repo
    .command('adopt <pool>')
    .description('makes backups of points of ours that the repository holds and this engine does not know')
    .action(async (pool: string) => {
      printObject(await withEngine((engine) => engine.call('repositories.adopt', { pool }, { timeoutMs: 3_600_000 })));
    });
  addKeys(repo);
  repo
    .command('rebuild-index <pool>')
    .option('--yes', 'do not ask')
    .action(async (pool: string, options: { yes?: boolean }) => {
      await confirmOrThrow(
        `Rebuild the index of ${pool} from its packs? Nobody can use it meanwhile.`,
        options.yes === true,
      );
      const started = await withEngine((engine) => engine.call('repositories.rebuildIndex', { pool }));
      const found = await resultOf(started, 'rebuildIndex');
      if (found !== undefined) printObject({ packs: found.packs, blobs: found.blobs });
    });
}

async function check(pool: string, options: { readData?: boolean; sample?: string }): Promise<void> {
  const sample = options.sample === undefined ? 0 : percentOf(options.sample, '--sample');
  const readPercent = options.readData === true ? 100 : sample;
  const started = await withEngine((engine) => engine.call('repositories.check', { pool, readPercent }));
  const found = await resultOf(started, 'check');
  if (found === undefined) return;
  const { ok, errors, errorCount } = found;
  for (const error of errors.slice(0, 20)) note(`${error.kind}: ${error.message}`);
  printObject({ ok, errors, errorCount });
  process.exitCode = ok ? 0 : 1;
}

async function prune(pool: string, options: { dryRun?: boolean; maxUnused: string; yes?: boolean }): Promise<void> {
  const dryRun = options.dryRun === true;
  const maxUnusedPercent = percentOf(options.maxUnused, '--max-unused');
  if (!dryRun) await confirmOrThrow(`Remove unused data from ${pool} for good?`, options.yes === true);
  const started = await withEngine((engine) => engine.call('repositories.prune', { pool, dryRun, maxUnusedPercent }));
  const found = await resultOf(started, 'prune');
  if (found === undefined) return;
  const { repackBytes, freedBytes } = found;
  note(`${dryRun ? 'Would free' : 'Freed'} ${bytes(freedBytes)}, ${bytes(repackBytes)} rewritten.`);
  printObject({ repackBytes, freedBytes });
}
