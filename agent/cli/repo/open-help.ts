import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { locationOf, type StorageTarget } from '../../../shared/model/storage.ts';
import { exists } from '../../disks/exists.ts';
import type { Storage } from '../../repository/storage/storage.ts';

const mostFolders = 1000;
const mostKeys = 20;

/** Says where else it may be: people give the folder above, or the disk is not mounted. */
export async function missingRepository(place: StorageTarget): Promise<AppError> {
  const location = locationOf(place);
  const message = `there is no repository at ${location}: it has no file "config"`;
  if (place.kind !== 'local')
    return new AppError('poolNotReachable', message, { hint: 'The server answers; check the path behind its name.' });
  return new AppError('poolNotReachable', message, { hint: await localHint(place.path) });
}

async function localHint(path: string): Promise<string> {
  try {
    const names = await readdir(path);
    if (names.length === 0) return `${path} is empty; is the disk mounted?`;
    const found = [];
    for (const name of names.slice(0, mostFolders)) {
      if ((await exists(join(path, name, 'config'))) && (await exists(join(path, name, 'keys')))) found.push(name);
    }
    if (found.length === 0) return `${path} holds ${names.slice(0, 5).join(', ')}.`;
    return `But there is one at ${found.map((name) => join(path, name)).join(', ')}.`;
  } catch (error) {
    return `${messageOf(error)}; is the disk mounted?`;
  }
}

const keySchema = z.object({ created: z.string(), username: z.string(), hostname: z.string() });

/** What the key files say of themselves, which helps to remember which password it was. @throws storage errors */
export async function keysHint(storage: Storage): Promise<string> {
  const keys: string[] = [];
  for await (const { name } of storage.list('key')) {
    if (keys.length === mostKeys) break;
    keys.push(`${name.slice(0, 8)} ${describeKey(await storage.read('key', name))}`);
  }
  if (keys.length === 0) return 'Its folder keys is empty: put an exported key into it, named by its SHA-256.';
  return `Its passwords were set as follows: ${keys.join('; ')}.`;
}

/** @throws storage errors */
export async function countKeys(storage: Storage): Promise<number> {
  let count = 0;
  for await (const _ of storage.list('key')) count++;
  return count;
}

function describeKey(file: Buffer): string {
  try {
    const { created, username, hostname } = keySchema.parse(JSON.parse(file.toString('utf8')));
    return `by ${username}@${hostname} on ${created.slice(0, 10)}`.replace(/\p{Cc}/gu, '�');
  } catch {
    // It is there to help remembering; the real error is already on its way.
    return 'in a file that cannot be read';
  }
}
