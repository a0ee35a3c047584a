import type { Command } from 'commander';
import type { GroupView } from '../../shared/contract/engine/groups.ts';
import { AppError } from '../../shared/errors.ts';
import type { EnginePeer } from '../connect.ts';
import { confirmOrThrow, printObject, printRows } from '../output.ts';
import { withEngine } from '../with-engine.ts';

interface GroupFlags {
  name?: string;
  description?: string;
}

/** `groups add | list | show | edit | remove`. */
export function addGroups(program: Command): void {
  const groups = program.command('groups').description('clients that share their backups');
  groups
    .command('add')
    .requiredOption('--name <name>')
    .option('--description <text>')
    .option('--uuid <uuid>', 'of a group of a lost engine; its first 8 digits stand in the names of its folders')
    .action(async (options: GroupFlags & { name: string; uuid?: string }) => {
      printObject(await withEngine((engine) => engine.call('groups.add', options)));
    });
  groups.command('list').action(async () => {
    const { rows } = await withEngine((engine) => engine.call('groups.list', {}));
    printRows(rows, [
      ['ID', (row) => row.id],
      ['NAME', (row) => row.name],
      ['CLIENTS', (row) => row.clients.map((client) => client.name).join(', ')],
      ['POOLS', (row) => row.pools.join(', ')],
      ['DESCRIPTION', (row) => row.description],
    ]);
  });
  groups.command('show <group>').action(async (group: string) => {
    printObject(await withEngine((engine) => findGroup(engine, group)));
  });
  groups
    .command('edit <group>')
    .option('--name <name>')
    .option('--description <text>')
    .action(async (group: string, flags: GroupFlags) => {
      printObject(await withEngine((engine) => engine.call('groups.edit', { group, ...flags })));
    });
  groups
    .command('remove <group>')
    .option('--yes', 'do not ask')
    .action(async (group: string, options: { yes?: boolean }) => {
      await confirmOrThrow(`Remove client group ${group}?`, options.yes === true);
      printObject(await withEngine((engine) => engine.call('groups.remove', { group })));
    });
}

/** By number, UUID or name. @throws AppError notFound */
async function findGroup(engine: EnginePeer, ref: string): Promise<GroupView> {
  const { rows } = await engine.call('groups.list', {});
  const isNumber = /^\d+$/u.test(ref);
  const found = rows.find(({ id, uuid, name }) =>
    isNumber ? id === Number(ref) : uuid === ref.toLowerCase() || name === ref,
  );
  if (found === undefined) throw new AppError('notFound', `client group "${ref}" does not exist`, { field: 'group' });
  return found;
}
