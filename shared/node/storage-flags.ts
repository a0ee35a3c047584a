import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../errors.ts';
import type { StorageKind, StorageTargetInput } from '../model/storage.ts';
import { readSecretFile } from './secret-file.ts';

/** The options that say where a repository lies and what opens the way to it. */
export interface StorageFlags {
  path?: string;
  url?: string;
  keyFile?: string;
  hostKey?: string;
  user?: string;
  accessKey?: string;
  secretFile?: string;
  region?: string;
  fingerprint?: string;
  caFile?: string;
}

/** Files are read here and sent as content (DETAILS 23). @throws AppError invalidValue naming the missing option */
export async function storageOf(kind: StorageKind, flags: StorageFlags): Promise<StorageTargetInput> {
  switch (kind) {
    case 'local':
      return { kind, path: needed(flags.path, '--path', kind) };
    case 'sftp':
      return {
        kind,
        url: needed(flags.url, '--url', kind),
        hostKey: needed(flags.hostKey, '--host-key', kind),
        credential: await readText(needed(flags.keyFile, '--key-file', kind), '--key-file'),
      };
    case 'rest':
      return {
        kind,
        url: needed(flags.url, '--url', kind),
        user: flags.user ?? null,
        fingerprint: flags.fingerprint ?? null,
        credential: flags.secretFile === undefined ? null : await readSecretFile(flags.secretFile, '--secret-file'),
      };
    case 's3':
      return {
        kind,
        url: needed(flags.url, '--url', kind),
        accessKey: needed(flags.accessKey, '--access-key', kind),
        ...(flags.region === undefined ? {} : { region: flags.region }),
        caCertificate: flags.caFile === undefined ? null : await readText(flags.caFile, '--ca-file'),
        credential: await readSecretFile(needed(flags.secretFile, '--secret-file', kind), '--secret-file'),
      };
  }
}

const hostKeyHint = 'Look at it on the server: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';

function needed(value: string | undefined, option: string, kind: string): string {
  if (value !== undefined) return value;
  throw new AppError('invalidValue', `a storage of kind ${kind} needs ${option}`, {
    field: option,
    ...(option === '--host-key' ? { hint: hostKeyHint } : {}),
  });
}

async function readText(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('invalidValue', `${option}: ${messageOf(error)}`, { field: option, cause: error });
  }
}
