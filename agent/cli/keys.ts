import { open, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, messageOf } from '../../shared/errors.ts';
import { syncFolder } from '../../shared/node/atomic-file.ts';
import { defaultAgentFolder } from '../agent-config.ts';
import { loadAgent } from '../identity.ts';
import { keySheet, readKeyFile } from '../transform/key-sheet.ts';
import { lostKeyWarning } from './lost-key-warning.ts';

/** `holdfast-agent keys`: the transformation keys of this agent. */
export function addKeys(program: Command): void {
  const keys = program.command('keys').description('keys of the protective transformation');
  const folder = ['--data <folder>', 'folder of the agent', defaultAgentFolder] as const;
  keys
    .command('show')
    .description('print the IDs of the own key and of the imported ones')
    .option(...folder)
    .option('--json', 'print JSON (the default)')
    .action(show);
  keys
    .command('export')
    .description('write a key as text, for paper and for another agent')
    .option(...folder)
    .requiredOption('--out <file>', 'file that does not exist yet')
    .option('--key-id <id>', 'an imported key instead of the own one')
    .action(exportKey);
  keys
    .command('import')
    .description('take over a key, so that backups of another client can be restored here')
    .option(...folder)
    .requiredOption('--from <file>', 'what `keys export` wrote, or a copy of a transform.key')
    .action(importKey);
}

async function show({ data }: { data: string }): Promise<void> {
  const { transformKeys } = await loadAgent(resolve(data));
  print({ own: transformKeys.own.id, imported: await transformKeys.imported() });
  process.stderr.write(lostKeyWarning);
}

async function exportKey({ data, out, keyId }: { data: string; out: string; keyId?: string }): Promise<void> {
  const { transformKeys, config } = await loadAgent(resolve(data));
  const id = keyId ?? transformKeys.own.id;
  const key = await transformKeys.find(id);
  if (key === undefined) throw new AppError('notFound', `there is no key ${id} here`, { field: '--key-id' });
  const client = id === transformKeys.own.id ? config.name : `imported by ${config.name}`;
  const path = resolve(out);
  await writeNew(path, keySheet({ id, key }, client));
  print({ keyId: id, path });
  process.stderr.write(lostKeyWarning);
}

async function importKey({ data, from }: { data: string; from: string }): Promise<void> {
  const { transformKeys } = await loadAgent(resolve(data));
  print({ keyId: await transformKeys.import(await keyIn(from, '--from')) });
}

/** The key in a file. @throws AppError invalidValue naming the option */
export async function keyIn(path: string, option: string): Promise<Uint8Array> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    throw new AppError('invalidValue', `${option}: ${path} cannot be read: ${messageOf(error)}`, { field: option });
  }
  return readKeyFile(content, option);
}

/** @throws AppError invalidValue, also for a file that is there already */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(path));
  } catch (error) {
    throw new AppError('invalidValue', `--out: ${messageOf(error)}`, { field: '--out', cause: error });
  }
}

function print(result: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
