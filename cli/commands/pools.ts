import type { Command } from 'commander';
import { AppError } from '../../shared/errors.ts';
import { readSecretFile } from '../../shared/node/secret-file.ts';
import { bytes, confirmOrThrow, printObject, printRows } from '../output.ts';
import { withEngine } from '../with-engine.ts';
import { printChecks } from './platforms.ts';

interface AddOptions {
  name: string;
  kind: string;
  client: string[];
  path: string;
  passwordFile: string;
}

/** `pools add | list | test | remove`. */
export function addPools(program: Command): void {
  const pools = program.command('pools').description('places for backups');
  pools
    .command('add')
    .requiredOption('--name <name>')
    .requiredOption('--kind <kind>', 'local')
    .requiredOption('--client <client...>', 'clients that reach the path')
    .requiredOption('--path <folder>', 'absolute path on the client: absent, empty, or a restic repository')
    .requiredOption('--password-file <file>', 'password of the repository')
    .action(async ({ name, kind, client, path, passwordFile }: AddOptions) => {
      if (kind !== 'local')
        throw new AppError('invalidValue', `--kind: "${kind}" is not known; this version has: local`, {
          field: '--kind',
        });
      const password = await readSecretFile(passwordFile, '--password-file');
      printObject(
        await withEngine((engine) => engine.call('pools.add', { name, kind, clients: client, path, password })),
      );
    });
  pools.command('list').action(async () => {
    const { rows } = await withEngine((engine) => engine.call('pools.list', {}));
    printRows(rows, [
      ['ID', (row) => row.id],
      ['NAME', (row) => row.name],
      ['KIND', (row) => row.kind],
      ['PATH', (row) => row.path],
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
