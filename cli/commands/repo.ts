import type { Command } from 'commander';
import type { Unanswered } from '../../shared/contract/engine/repositories.ts';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import type { MaintenanceResult } from '../../shared/model/maintenance.ts';
import { percentOf } from '../../shared/option-values.ts';
import { bytes, confirmOrThrow, note, printObject, printRows, time } from '../output.ts';
import { addKeys, addPassword } from './repo-keys.ts';
import { exitCodeOfState, explain, waitForTasks } from '../wait.ts';
import { withEngine } from '../with-engine.ts';

/** Which repositories of a pool: all, or that of one client or client group. */
interface OwnerFlags {
  client?: string;
  group?: string;
}

/** Waits for tasks of maintenance, one for each repository, and gives what they found; a failed one sets the exit code. */
async function resultsOf<K extends MaintenanceResult['kind']>(
  started: { taskIds: number[] },
  kind: K,
): Promise<Array<Extract<MaintenanceResult, { kind: K }>> | undefined> {
  note(`Started task ${started.taskIds.join(', ')}.`);
  const tasks = await waitForTasks(started.taskIds);
  tasks.forEach(explain);
  const codes = tasks.map(({ state }) => exitCodeOfState(state));
  process.exitCode = codes.find((code) => code === 1) ?? Math.max(...codes);
  const found = tasks.map(findingOf).filter((result) => result?.kind === kind);
  return found.length === 0 ? undefined : (found as Array<Extract<MaintenanceResult, { kind: K }>>);
}

function findingOf({ result }: TaskView): MaintenanceResult | undefined {
  return result !== null && 'kind' in result ? result : undefined;
}

/** Names repositories that could not be asked; the answer is about the others only. */
function tellUnanswered({ unanswered }: { unanswered: readonly Unanswered[] }): void {
  for (const { place, error } of unanswered) note(`${place} could not be asked: ${error.code}: ${error.message}`);
  if (unanswered.length > 0) process.exitCode = 4;
}

function placeOf(pool: string, { client, group }: OwnerFlags) {
  return { pool, ...(client !== undefined && { client }), ...(group !== undefined && { group }) };
}

function sumOf<T>(rows: readonly T[], value: (row: T) => number): number {
  return rows.reduce((sum, row) => sum + value(row), 0);
}

/** A command on the repositories of a pool. */
function addCommand(repo: Command, name: string): Command {
  return repo
    .command(`${name} <pool>`)
    .option('--client <client>', 'only the repository of this client, where it has its own')
    .option('--group <group>', 'only the repository of this client group, where it has its own');
}

/** `repo stats | check | prune | locks | adopt | keys | password | rebuild-index`. */
export function addRepo(program: Command): void {
  const repo = program.command('repo').description('repositories of pools');
  addCommand(repo, 'stats').action(async (pool: string, flags: OwnerFlags) => {
    const place = placeOf(pool, flags);
    const found = await withEngine((engine) => engine.call('repositories.stats', place, { timeoutMs: 600_000 }));
    tellUnanswered(found);
    printObject(found);
  });
  addCommand(repo, 'check')
    .option('--read-data', 'read every pack and check every hash')
    .option('--sample <share>', 'read this share of the packs, for example 5%')
    .action(check);
  addCommand(repo, 'prune')
    .description('frees what no backup uses any more')
    .option('--dry-run', 'only say how much it would free')
    .option('--max-unused <share>', 'unused data that may stay', '5%')
    .option('--yes', 'do not ask')
    .action(prune);
  addCommand(repo, 'locks')
    .option('--remove-stale', 'remove locks whose owners are gone')
    .option('--yes', 'do not ask')
    .action(locks);
  addCommand(repo, 'adopt')
    .description('makes backups of points of ours that the repository holds and this engine does not know')
    .action(async (pool: string, flags: OwnerFlags) => {
      const place = placeOf(pool, flags);
      const found = await withEngine((engine) => engine.call('repositories.adopt', place, { timeoutMs: 3_600_000 }));
      tellUnanswered(found);
      printObject(found);
    });
  addKeys(repo);
  addPassword(repo);
  addCommand(repo, 'rebuild-index').option('--yes', 'do not ask').action(rebuildIndex);
}

interface LockOptions extends OwnerFlags {
  removeStale?: boolean;
  yes?: boolean;
}

async function locks(pool: string, { removeStale = false, yes, ...flags }: LockOptions): Promise<void> {
  if (removeStale) await confirmOrThrow(`Remove the stale locks of ${pool}?`, yes === true);
  const params = { ...placeOf(pool, flags), removeStale };
  const found = await withEngine((engine) => engine.call('repositories.locks', params, { timeoutMs: 600_000 }));
  tellUnanswered(found);
  printRows(found.locks, [
    ['ID', (row) => row.id.slice(0, 12)],
    ['OF', (row) => row.client ?? row.group],
    ['HOST', (row) => row.host],
    ['PID', (row) => row.pid],
    ['EXCLUSIVE', (row) => row.exclusive],
    ['SINCE', (row) => time(row.createdAt)],
    ['STALE', (row) => row.stale],
  ]);
}

async function rebuildIndex(pool: string, { yes, ...flags }: OwnerFlags & { yes?: boolean }): Promise<void> {
  await confirmOrThrow(`Rebuild the index of ${pool} from its packs? Nobody can use it meanwhile.`, yes === true);
  const started = await withEngine((engine) => engine.call('repositories.rebuildIndex', placeOf(pool, flags)));
  const found = await resultsOf(started, 'rebuildIndex');
  if (found !== undefined)
    printObject({ packs: sumOf(found, (row) => row.packs), blobs: sumOf(found, (row) => row.blobs) });
}

interface CheckOptions extends OwnerFlags {
  readData?: boolean;
  sample?: string;
}

async function check(pool: string, { readData, sample, ...flags }: CheckOptions): Promise<void> {
  const share = sample === undefined ? 0 : percentOf(sample, '--sample');
  const params = { ...placeOf(pool, flags), readPercent: readData === true ? 100 : share };
  const started = await withEngine((engine) => engine.call('repositories.check', params));
  const found = await resultsOf(started, 'check');
  if (found === undefined) return;
  const errors = found.flatMap((row) => row.errors);
  for (const error of errors.slice(0, 20)) note(`${error.kind}: ${error.message}`);
  const ok = found.length === started.taskIds.length && found.every((row) => row.ok);
  printObject({ ok, errors, errorCount: sumOf(found, (row) => row.errorCount) });
  process.exitCode = ok ? 0 : 1;
}

interface PruneOptions extends OwnerFlags {
  dryRun?: boolean;
  maxUnused: string;
  yes?: boolean;
}

async function prune(pool: string, { dryRun = false, maxUnused, yes, ...flags }: PruneOptions): Promise<void> {
  const params = { ...placeOf(pool, flags), dryRun, maxUnusedPercent: percentOf(maxUnused, '--max-unused') };
  if (!dryRun) await confirmOrThrow(`Remove unused data from ${pool} for good?`, yes === true);
  const started = await withEngine((engine) => engine.call('repositories.prune', params));
  const found = await resultsOf(started, 'prune');
  if (found === undefined) return;
  const repackBytes = sumOf(found, (row) => row.repackBytes);
  const freedBytes = sumOf(found, (row) => row.freedBytes);
  note(`${dryRun ? 'Would free' : 'Freed'} ${bytes(freedBytes)}, ${bytes(repackBytes)} rewritten.`);
  printObject({ repackBytes, freedBytes });
}
