import type { Command } from 'commander';
import { platformKinds } from '../../shared/platforms/all.ts';
import { choiceOf } from '../../shared/option-values.ts';
import { bytes, confirmOrThrow, printObject, printRows, time } from '../output.ts';
import type { ObjectView } from '../../shared/contract/engine/objects.ts';
import type { EnginePeer } from '../connect.ts';
import { withEngine } from '../with-engine.ts';

interface AddOptions {
  client: string[];
  kind: string;
  name?: string;
  uri?: string;
  path?: string;
  readPath?: string;
}

/** `platforms …` and `objects list`. */
export function addPlatforms(program: Command): void {
  const platforms = program.command('platforms').description('registered virtualization environments');
  platforms
    .command('add')
    .requiredOption('--client <client...>', 'clients through which it is reached')
    .requiredOption('--kind <kind>', platformKinds.join(' | '))
    .option('--uri <uri>', 'libvirt: connection URI, read on the client')
    .option('--path <folder>', 'image-directory: absolute path on the client')
    .option('--read-path <path>', 'libvirt: backup (jobs with checkpoints, the default) | snapshot')
    .option('--name <name>', 'default: the kind')
    .action(async ({ client, kind, name, uri, path, readPath }: AddOptions) => {
      const settings = {
        ...(uri === undefined ? {} : { uri }),
        ...(path === undefined ? {} : { path }),
        ...(readPath === undefined ? {} : { readPath }),
      };
      const params = {
        clients: client,
        kind: choiceOf(platformKinds, kind, '--kind'),
        settings,
        ...(name === undefined ? {} : { name }),
      };
      printObject(await withEngine((engine) => engine.call('platforms.add', params)));
    });
  platforms.command('list').action(async () => {
    const { rows } = await withEngine((engine) => engine.call('platforms.list', {}));
    printRows(rows, [
      ['ID', (row) => row.id],
      ['NAME', (row) => row.name],
      ['KIND', (row) => row.kind],
      ['CLIENTS', (row) => row.clients.map((client) => client.name).join(', ')],
      ['VMS', (row) => row.objectCount],
      ['ERROR', (row) => row.lastError],
    ]);
  });
  platforms.command('test <platform>').action(async (platform: string) => {
    const { checks } = await withEngine((engine) => engine.call('platforms.test', { platform }));
    printChecks(checks);
  });
  platforms
    .command('remove <platform>')
    .option('--yes', 'do not ask')
    .action(async (platform: string, options: { yes?: boolean }) => {
      await confirmOrThrow(`Remove platform ${platform} from the list? Its backups stay.`, options.yes === true);
      printObject(await withEngine((engine) => engine.call('platforms.remove', { platform })));
    });
  addObjects(program);
}

/** Prints checks; a failed one makes the exit code 1. */
export function printChecks(checks: Array<{ check: string; ok: boolean; detail: string }>): void {
  printRows(checks, [
    ['CHECK', (row) => row.check],
    ['OK', (row) => (row.ok ? 'yes' : 'NO')],
    ['DETAIL', (row) => row.detail],
  ]);
  if (checks.some((check) => !check.ok)) process.exitCode = 1;
}

/** Every page of the list; the first one asks the agents. */
async function listObjects(engine: EnginePeer, client: string | undefined): Promise<ObjectView[]> {
  const filter = client === undefined ? {} : { client };
  const first = await engine.call('objects.list', { live: true, ...filter });
  const rows = [...first.rows];
  for (let { cursor } = first; cursor !== undefined; ) {
    const next = await engine.call('objects.list', { ...filter, cursor });
    rows.push(...next.rows);
    cursor = next.cursor;
  }
  return rows;
}

function addObjects(program: Command): void {
  const objects = program.command('objects').description('virtual machines');
  objects
    .command('list')
    .option('--client <client>')
    .action(async ({ client }: { client?: string }) => {
      const rows = await withEngine((engine) => listObjects(engine, client));
      printRows(rows, [
        ['ID', (row) => row.id],
        ['NAME', (row) => row.name],
        ['STATE', (row) => `${row.state}${row.stale ? ' (stale)' : ''}`],
        ['PLATFORM', (row) => row.platform],
        ['AGENT', (row) => row.guestAgent],
        ['DISKS', (row) => row.disks.map((disk) => `${disk.id} ${disk.format} ${bytes(disk.sizeBytes)}`).join(', ')],
        ['BACKUPS', (row) => row.backupCount],
        ['FROZEN SINCE', (row) => time(row.frozenSince)],
      ]);
    });
  objects
    .command('thaw <vm>')
    .description('thaw a guest that a backup left frozen')
    .action(async (object: string) => {
      printObject(await withEngine((engine) => engine.call('objects.thaw', { object })));
    });
}
