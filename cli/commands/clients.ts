import type { Command } from 'commander';
import { confirmOrThrow, note, printObject, printRows } from '../output.ts';
import { withEngine } from '../with-engine.ts';
import { addAddSsh } from './ssh-clients.ts';

/** A client that is put into a group opens the group's repositories first. */
const editMs = 10 * 60_000;

/** `clients list | authorize | edit | add-ssh | remove`. */
export function addClients(program: Command): void {
  const clients = program.command('clients').description('agents that dialled this engine, or that it dials over SSH');
  clients.command('list').action(async () => {
    const { rows } = await withEngine((engine) => engine.call('clients.list', {}));
    printRows(rows, [
      ['ID', (row) => row.id],
      ['NAME', (row) => row.name],
      ['STATE', (row) => row.state],
      ['GROUP', (row) => row.group],
      ['HWID', (row) => row.hwid],
      ['TRANSPORT', (row) => row.transport],
      ['ADDRESS', (row) => row.address],
      ['VERSION', (row) => row.version],
      ['ERROR', (row) => (row.state === 'online' ? null : row.lastError)],
    ]);
  });
  clients.command('authorize <client>').action(async (client: string) => {
    const view = await withEngine((engine) => engine.call('clients.authorize', { client }));
    if (view.state !== 'online') note(`${view.name} is authorized, but not online yet.`);
    printObject(view);
  });
  clients
    .command('edit <client>')
    .description('changes what is given')
    .option('--group <group>', 'client group whose backups it shares; "No group" = none')
    .option('--description <text>')
    .action(async (client: string, flags: { group?: string; description?: string }) => {
      const edited = { client, ...flags };
      printObject(await withEngine((engine) => engine.call('clients.edit', edited, { timeoutMs: editMs })));
    });
  addAddSsh(clients);
  clients
    .command('remove <client>')
    .option('--yes', 'do not ask')
    .action(async (client: string, options: { yes?: boolean }) => {
      await confirmOrThrow(`Remove client ${client}? It can no longer report or take jobs.`, options.yes === true);
      printObject(await withEngine((engine) => engine.call('clients.remove', { client })));
    });
}
