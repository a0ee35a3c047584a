import type { Command } from 'commander';
import { AppError } from '../../shared/errors.ts';
import { cellSizes, compressionSchema, verifyWritesSchema, type WriteOptions } from '../../shared/model/job.ts';
import { repositoryPers, storageKinds } from '../../shared/model/storage.ts';
import { readSecretFile } from '../../shared/node/secret-file.ts';
import { storageOf } from '../../shared/node/storage-flags.ts';
import { addStorageOptions, hasStorageOption, type StorageFlags } from '../../shared/storage-options.ts';
import { bytes, confirmOrThrow, note, printObject, printRows } from '../output.ts';
import { choiceOf } from '../../shared/option-values.ts';
import { parseSize } from '../sizes.ts';
import { withEngine } from '../with-engine.ts';
import { printChecks } from './platforms.ts';

interface WriteFlags {
  verifyWrites?: string;
  compression?: string;
  cell?: string;
  maxRate?: string;
}

interface AddOptions extends WriteFlags, StorageFlags {
  name: string;
  kind: string;
  client: string[];
  passwordFile: string;
  maintenanceClient?: string;
  repositoryPer: string;
}

interface EditOptions extends WriteFlags, StorageFlags {
  name?: string;
  client?: string[];
  passwordFile?: string;
  maintenanceClient?: string;
}

/** Every client opens the repository, and points that lie there already are read. */
const addMs = 10 * 60_000;

/** The options that say how backups are written; what is not given keeps its value. */
function addWriteOptions(command: Command): Command {
  return command
    .option('--verify-writes <how>', 'compare written data before upload: sample (1 in 16) | all | off')
    .option('--compression <level>', 'zstd level: 1 | 3 | off')
    .option('--cell <size>', '256KiB | 512KiB | 1MiB | 2MiB | 4MiB | auto (by the size of the disk)')
    .option('--max-rate <size>', 'bytes per second that a backup reads at most, for example 50MiB, or off');
}

function writeOptionsOf(flags: WriteFlags): Partial<WriteOptions> {
  const { verifyWrites, compression, cell, maxRate } = flags;
  return {
    ...(verifyWrites === undefined
      ? {}
      : { verifyWrites: choiceOf(verifyWritesSchema.options, verifyWrites, '--verify-writes') }),
    ...(compression === undefined
      ? {}
      : { compression: choiceOf(compressionSchema.options, compression, '--compression') }),
    ...(cell === undefined ? {} : { cellBytes: cell === 'auto' ? null : cellOf(cell) }),
    ...(maxRate === undefined
      ? {}
      : { maxBytesPerSecond: maxRate === 'off' ? null : parseSize(maxRate, '--max-rate') }),
  };
}

function cellOf(text: string): number {
  const bytes = parseSize(text, '--cell');
  if (cellSizes.includes(bytes)) return bytes;
  throw new AppError('invalidValue', `--cell: "${text}" is none of 256KiB, 512KiB, 1MiB, 2MiB, 4MiB, auto`, {
    field: '--cell',
  });
}

/** `pools add | edit | list | test | remove`. */
export function addPools(program: Command): void {
  const pools = program.command('pools').description('places for backups');
  addAdd(pools);
  addEdit(pools);
  pools.command('list').action(async () => {
    const { rows } = await withEngine((engine) => engine.call('pools.list', {}));
    printRows(rows, [
      ['ID', (row) => row.id],
      ['NAME', (row) => row.name],
      ['KIND', (row) => row.kind],
      ['PATH', (row) => row.path],
      ['REPOSITORIES', (row) => row.repositories.length],
      ['BACKUPS', (row) => row.backupCount],
      ['STORED', (row) => bytes(row.storedBytes)],
      ['FREE', (row) => bytes(row.freeBytes)],
    ]);
  });
  pools.command('test <pool>').action(async (pool: string) => {
    const { checks } = await withEngine((engine) => engine.call('pools.test', { pool }));
    printChecks(checks);
  });
  pools
    .command('remove <pool>')
    .option('--yes', 'do not ask')
    .action(async (pool: string, options: { yes?: boolean }) => {
      await confirmOrThrow(`Forget pool ${pool} and the records of its backups? Its files stay.`, options.yes === true);
      printObject(await withEngine((engine) => engine.call('pools.remove', { pool })));
    });
}

function addAdd(pools: Command): void {
  addStorageOptions(addWriteOptions(pools.command('add')))
    .requiredOption('--name <name>')
    .requiredOption('--kind <kind>', storageKinds.join(' | '))
    .requiredOption('--client <client...>', 'clients that reach it')
    .requiredOption('--password-file <file>', 'password of the repository')
    .option('--maintenance-client <client>', 'runs its maintenance; default any of its clients')
    .option(
      '--repository-per <what>',
      'pool | group | client: nobody else opens that of a group or client; it stays so',
      'pool',
    )
    .action(async (options: AddOptions) => {
      const { name, client: clients, passwordFile, maintenanceClient } = options;
      const storage = await storageOf(choiceOf(storageKinds, options.kind, '--kind'), options);
      const password = await readSecretFile(passwordFile, '--password-file');
      const repositoryPer = choiceOf(repositoryPers, options.repositoryPer, '--repository-per');
      const place = { storage, password, repositoryPer };
      const write = writeOptionsOf(options);
      const fields = { name, clients, ...place, write, ...(maintenanceClient && { maintenanceClient }) };
      const added = await withEngine((engine) => engine.call('pools.add', fields, { timeoutMs: addMs }));
      if (added.adopted > 0) note(`${added.adopted} points in the repository are backups again.`);
      printObject(added);
    });
}

function addEdit(pools: Command): void {
  addStorageOptions(addWriteOptions(pools.command('edit <pool>')))
    .description('changes what is given; the place must hold the same repository')
    .option('--name <name>')
    .option('--client <client...>', 'clients that reach it')
    .option('--maintenance-client <client>', 'runs its maintenance; any = any of its clients')
    .option('--password-file <file>', 'a password that opens the repository already')
    .action(edit);
}

async function edit(ref: string, flags: EditOptions): Promise<void> {
  const { name, client: clients, maintenanceClient, passwordFile } = flags;
  const password = passwordFile === undefined ? undefined : await readSecretFile(passwordFile, '--password-file');
  const write = writeOptionsOf(flags);
  printObject(
    await withEngine(async (engine) => {
      const { rows } = await engine.call('pools.list', {});
      const pool = rows.find((row) => String(row.id) === ref || row.uuid === ref || row.name === ref);
      if (pool === undefined) throw new AppError('notFound', `pool "${ref}" does not exist`, { field: 'pool' });
      const fields = {
        pool: String(pool.id),
        ...(name && { name }),
        ...(clients && { clients }),
        ...(password && { password }),
        ...(maintenanceClient && { maintenanceClient: maintenanceClient === 'any' ? null : maintenanceClient }),
        ...(Object.keys(write).length > 0 && { write: { ...pool.write, ...write } }),
        ...(hasStorageOption(flags) && { storage: await storageOf(pool.kind, flags, pool.address) }),
      };
      return engine.call('pools.edit', fields, { timeoutMs: addMs });
    }),
  );
}
