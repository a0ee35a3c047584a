import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, messageOf } from '../../shared/errors.ts';
import { keySheetHtml, keySheetText } from '../../shared/paper/key-sheet.ts';
import { confirmOrThrow, note, printObject, printRows } from '../output.ts';
import { readSecretFile } from '../../shared/node/secret-file.ts';
import { withEngine } from '../with-engine.ts';

interface KeyOptions {
  client?: string;
  group?: string;
  newPasswordFile?: string;
  out?: string;
  yes?: boolean;
}

/** Which repository: of a pool, or of one of its clients or client groups. */
interface Place {
  pool: string;
  client?: string;
  group?: string;
}

function placeOf(pool: string, { client, group }: { client?: string; group?: string }): Place {
  return { pool, ...(client !== undefined && { client }), ...(group !== undefined && { group }) };
}

const actions: Record<string, (place: Place, key: string | undefined, options: KeyOptions) => Promise<void>> = {
  list,
  add,
  remove,
  change,
  export: exportKey,
};

/** `repo keys POOL list | add | remove KEY | change | export`. */
export function addKeys(repo: Command): void {
  repo
    .command('keys <pool> <action> [key]')
    .description('passwords of the repository: list, add, remove KEY, change (of the pool), export (for paper)')
    .option('--client <client>', 'whose repository, where the client has its own')
    .option('--group <group>', 'whose repository, where the client group has its own')
    .option('--new-password-file <file>', 'add, change: the new password')
    .option('--out <file>', 'export: a text, or a page for printing when it ends with .html')
    .option('--yes', 'do not ask')
    .action(async (pool: string, action: string, key: string | undefined, options: KeyOptions) => {
      const known = Object.keys(actions);
      const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (run === undefined)
        throw new AppError('invalidValue', `"${action}" is none of ${known.join(', ')}`, { field: 'action' });
      await run(placeOf(pool, options), key, options);
    });
}

/** `repo password POOL --client C | --group G`: restic then opens this repository without us. */
export function addPassword(repo: Command): void {
  repo
    .command('password <pool>')
    .description("prints the password of one client's or group's repository, which is made of the pool's")
    .option('--client <client>', 'whose repository')
    .option('--group <group>', 'whose repository')
    .option('--yes', 'do not ask')
    .action(async (pool: string, { yes, ...flags }: { client?: string; group?: string; yes?: boolean }) => {
      const place = placeOf(pool, flags);
      const whose = flags.client ?? flags.group;
      if (whose === undefined)
        throw new AppError('invalidValue', 'say whose: --client or --group', { field: '--client' });
      await confirmOrThrow(`Show the password of the repository of ${whose} in ${pool}?`, yes === true);
      printObject(await withEngine((engine) => engine.call('repositories.password', place)));
    });
}

async function list(place: Place): Promise<void> {
  const { keys } = await withEngine((engine) => engine.call('repositories.keys', place));
  printRows(keys, [
    ['ID', (row) => row.id.slice(0, 12)],
    ['USER', (row) => row.username],
    ['HOST', (row) => row.hostname],
    ['CREATED', (row) => row.created],
    ['IN USE', (row) => row.current],
    ['PROBLEM', (row) => row.problem],
  ]);
}

async function add(place: Place, _key: string | undefined, options: KeyOptions): Promise<void> {
  const password = await newPassword(options);
  printObject(await withEngine((engine) => engine.call('repositories.addKey', { ...place, password })));
}

async function change(place: Place, _key: string | undefined, options: KeyOptions): Promise<void> {
  const password = await newPassword(options);
  const changed = await withEngine((engine) => engine.call('repositories.changePassword', { ...place, password }));
  if (changed.problem !== null) note(`The old password still opens the repository: ${changed.problem}`);
  printObject(changed);
}

async function remove(place: Place, key: string | undefined, { yes }: KeyOptions): Promise<void> {
  if (key === undefined) throw new AppError('invalidValue', 'say which key: repo keys POOL list', { field: 'key' });
  await confirmOrThrow(`Remove key ${key}? Its password then no longer opens ${place.pool}.`, yes === true);
  printObject(await withEngine((engine) => engine.call('repositories.removeKey', { ...place, key })));
}

async function exportKey(place: Place, _key: string | undefined, { out }: KeyOptions): Promise<void> {
  if (out === undefined) throw new AppError('invalidValue', 'say where to: --out FILE', { field: '--out' });
  const { exported, pool } = await withEngine(async (engine) => {
    const { rows } = await engine.call('pools.list', {});
    const pool = rows.find((row) => [String(row.id), row.uuid, row.name].includes(place.pool));
    return { pool, exported: await engine.call('repositories.exportKey', place) };
  });
  const location = pool?.repositories.find(({ repositoryId }) => repositoryId === exported.repositoryId)?.place ?? '';
  const facts = { ...exported, pool: pool?.name ?? place.pool, location, printedAt: Date.now() };
  const sheet = out.endsWith('.html') ? keySheetHtml(facts) : keySheetText(facts);
  try {
    await writeFile(out, sheet, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new AppError('invalidValue', `--out: ${messageOf(error)}`, { field: '--out', cause: error });
  }
  note('It opens the repository only together with its password. Keep the two in different places.');
  printObject({ keyId: exported.keyId, repositoryId: exported.repositoryId, file: resolve(out) });
}

async function newPassword({ newPasswordFile }: KeyOptions): Promise<string> {
  if (newPasswordFile === undefined)
    throw new AppError('invalidValue', 'give the new password: --new-password-file FILE', {
      field: '--new-password-file',
    });
  return readSecretFile(newPasswordFile, '--new-password-file');
}
