import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../shared/errors.ts';
import { addListOptions, type ListOptions, listParams } from '../list-options.ts';
import type { BackupView } from '../../shared/contract/engine/backups.ts';
import type { DiffPage } from '../../shared/model/diff.ts';
import type { EnginePeer } from '../connect.ts';
import { bytes, confirmOrThrow, confirmOrWarn, isJson, note, printObject, printRows, time } from '../output.ts';
import { withEngine } from '../with-engine.ts';
import { choiceOf } from '../../shared/option-values.ts';
import { unpackFormats } from '../../shared/model/job.ts';
import { finishStarted } from './rules.ts';

interface RestoreOptions {
  to?: string;
  format?: string;
  deploy?: boolean;
  platform?: string;
  name?: string;
  storage?: string;
  start?: boolean;
  client?: string;
  yes?: boolean;
  wait?: boolean;
}

/** `backups list | show | diff | verify | delete` and `restore`. */
export function addBackups(program: Command): void {
  const backups = program.command('backups').description('restore points');
  addListOptions(backups.command('list'))
    .option('--object <vm>')
    .option('--pool <pool>')
    .option('--rule <rule>')
    .action(listBackups);
  backups.command('show <backup>').action(async (backup: string) => {
    printObject(await withEngine((engine) => engine.call('backups.get', { backup })));
  });
  backups
    .command('diff <backup> <other>')
    .description('which ranges of the disks differ between two backups of one VM')
    .action(async (backup: string, other: string) => {
      const disks = await withEngine((engine) => diff(engine, backup, other));
      if (isJson()) return printObject({ disks });
      printRows(disks, [
        ['DISK', (row) => row.id],
        ['CHANGED', (row) => bytes(row.changedBytes)],
        ['RANGES', (row) => row.extents.length],
      ]);
    });
  backups
    .command('verify <backup...>')
    .description('read them again, check every hash and the signature')
    .option('--wait', 'until the tasks have ended')
    .action(async (refs: string[], options: { wait?: boolean }) => {
      const started = await withEngine((engine) => engine.call('backups.verify', { backups: refs }));
      note(`Started task ${started.taskIds.join(', ')}.`);
      await finishStarted(started, options.wait === true);
    });
  backups
    .command('delete <backup...>')
    .option('--dry-run', 'only list what would be removed')
    .option('--yes', 'do not ask')
    .option('--wait', 'until the tasks have ended')
    .action(deleteBackups);
  program
    .command('restore <backup>')
    .description('restore a backup into a folder on the client, or deploy it as a new VM')
    .option('--to <folder>', 'absolute path on the client: absent or empty')
    .option('--format <format>', 'of the disks in the folder: raw or qcow2 (default: raw)')
    .option('--deploy', 'make a new VM')
    .option('--platform <platform>', 'default: the one the backup came from')
    .option('--name <name>', 'default: the old name, with a number when it is taken')
    .option('--storage <folder>', 'folder for the disks on the client')
    .option('--start', 'start the VM afterwards')
    .option('--client <client>')
    .option('--yes', 'do not ask when it has not been verified')
    .option('--wait', 'until the task has ended')
    .action(restore);
}

interface DeleteOptions {
  dryRun?: boolean;
  yes?: boolean;
  wait?: boolean;
}

/** Removes points from their repositories; a prune frees what only they used. */
async function deleteBackups(refs: string[], { dryRun, yes, wait }: DeleteOptions): Promise<void> {
  const points = await withEngine((engine) =>
    Promise.all(refs.map((backup) => engine.call('backups.get', { backup }))),
  );
  if (dryRun === true) {
    return printRows(points, [
      ['ID', (row) => row.id],
      ['VM', (row) => row.object],
      ['CREATED', (row) => time(row.createdAt)],
      ['POOL', (row) => row.pool],
      ['STORED', (row) => bytes(row.storedBytes)],
    ]);
  }
  const names = points.map((point) => `${point.id} of ${point.object}`).join(', ');
  await confirmOrThrow(`Delete backup ${names} for good? Other backups stay complete.`, yes === true);
  const started = await withEngine((engine) => engine.call('backups.delete', { backups: refs }));
  note(`Started task ${started.taskIds.join(', ')}.`);
  await finishStarted(started, wait === true);
}

interface BackupListOptions extends ListOptions {
  object?: string;
  pool?: string;
  rule?: string;
}

async function listBackups({ object, pool, rule, ...list }: BackupListOptions): Promise<void> {
  const params = {
    ...listParams(list),
    ...(object === undefined ? {} : { object }),
    ...(pool === undefined ? {} : { pool }),
    ...(rule === undefined ? {} : { rule }),
  };
  const { rows } = await withEngine((engine) => engine.call('backups.list', params));
  printRows(rows, [
    ['ID', (row) => row.id],
    ['REF', (row) => row.refId],
    ['VM', (row) => row.object],
    ['TYPE', (row) => row.type],
    ['CREATED', (row) => time(row.createdAt)],
    ['SIZE', (row) => bytes(row.sizeBytes)],
    ['STORED', (row) => bytes(row.storedBytes)],
    ['CONSISTENCY', (row) => row.consistency],
    ['VERIFICATION', (row) => row.verification],
    ['STATE', (row) => row.state],
  ]);
}

/** Every page put together. */
async function diff(engine: EnginePeer, backup: string, other: string): Promise<DiffPage['disks']> {
  const disks: DiffPage['disks'] = [];
  let page = await engine.call('backups.diff', { backup, other });
  for (;;) {
    for (const { id, changedBytes, extents } of page.disks) {
      const known = disks.at(-1)?.id === id ? disks.at(-1) : undefined;
      if (known === undefined) disks.push({ id, changedBytes, extents: [...extents] });
      else {
        known.changedBytes += changedBytes;
        known.extents.push(...extents);
      }
    }
    if (page.cursor === undefined) return disks;
    page = await engine.call('backups.diff', { backup, other, cursor: page.cursor });
  }
}

function doubtOf({ id, verification }: BackupView): string | null {
  if (verification === 'trusted') return null;
  return verification === 'suspicious'
    ? `Verification found a doubt in backup ${id}: its data may be damaged.`
    : `Backup ${id} has not been verified yet.`;
}

async function restore(backup: string, options: RestoreOptions): Promise<void> {
  const target = targetOf(options);
  const { client } = options;
  const started = await withEngine(async (engine) => {
    const point = await engine.call('backups.get', { backup });
    const doubt = doubtOf(point);
    if (doubt !== null) await confirmOrWarn(doubt, 'Restore it nevertheless?', options.yes === true);
    return engine.call('backups.restore', { backup, target, ...(client === undefined ? {} : { client }) });
  });
  note(`Started task ${started.taskIds.join(', ')}.`);
  await finishStarted(started, options.wait === true);
}

function targetOf(options: RestoreOptions) {
  if ((options.to === undefined) === (options.deploy !== true)) {
    throw new AppError('invalidValue', 'give either --to DIR or --deploy', { field: '--to' });
  }
  const { to, format, platform, name, storage } = options;
  if (to !== undefined) {
    if (resolve(to) !== to.replace(/(?<=.)\/+$/u, ''))
      throw new AppError('invalidValue', `--to: "${to}" must be an absolute path on the client, without ".."`, {
        field: '--to',
      });
    return {
      kind: 'directory' as const,
      path: resolve(to),
      ...(format === undefined ? {} : { format: choiceOf(unpackFormats, format, '--format') }),
    };
  }
  if (format !== undefined)
    throw new AppError('invalidValue', '--format goes with --to: a new VM gets its disks in their own formats', {
      field: '--format',
    });
  return {
    kind: 'deploy' as const,
    start: options.start === true,
    ...(platform === undefined ? {} : { platform }),
    ...(name === undefined ? {} : { name }),
    ...(storage === undefined ? {} : { storage }),
  };
}
