import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../shared/errors.ts';
import { storageKinds, type StorageTargetInput } from '../shared/model/storage.ts';
import { readSecretFile } from '../shared/node/secret-file.ts';
import { choiceOf } from './choice.ts';

/** The options that say where a pool lies. */
export interface StorageFlags {
  kind: string;
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
export async function storageOf(flags: StorageFlags): Promise<StorageTargetInput> {
  const kind = choiceOf(storageKinds, flags.kind, '--kind');
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

function needed(value: string | undefined, option: string, kind: string): string {
  if (value !== undefined) return value;
  throw new AppError('invalidValue', `--kind ${kind} needs ${option}`, { field: option });
}

async function readText(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('invalidValue', `${option}: ${messageOf(error)}`, { field: option, cause: error });
  }
}
