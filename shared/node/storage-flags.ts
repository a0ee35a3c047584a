import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../errors.ts';
import type { StorageAddress, StorageKind, StorageTargetInput } from '../model/storage.ts';
import type { StorageFlags } from '../storage-options.ts';
import { readSecretFile } from './secret-file.ts';

/** What the fields of a storage are that is not there yet. */
const nothing = {
  path: undefined,
  url: undefined,
  hostKey: undefined,
  user: null,
  fingerprint: null,
  accessKey: undefined,
  region: undefined,
  caCertificate: null,
};

/**
 * Files are read here and sent as content (DETAILS 23).
 * @param before the storage that is changed: what is not given stays as it is, an empty text takes it away; its
 * credential is known to the engine only
 * @throws AppError invalidValue naming the missing option
 */
export async function storageOf(
  kind: StorageKind,
  flags: StorageFlags,
  before?: StorageAddress,
): Promise<StorageTargetInput> {
  const old = { ...nothing, ...before };
  const region = flags.region ?? old.region;
  // A new storage must name what opens it.
  const file = (name: string | undefined, option: string) => (before ? name : needed(name, option, kind));
  switch (kind) {
    case 'local':
      return { kind, path: needed(flags.path ?? old.path, '--path', kind) };
    case 'sftp':
      return {
        kind,
        url: needed(flags.url ?? old.url, '--url', kind),
        hostKey: needed(flags.hostKey ?? old.hostKey, '--host-key', kind),
        credential: await contentOf(file(flags.keyFile, '--key-file'), readText, '--key-file'),
      };
    case 'rest':
      return {
        kind,
        url: needed(flags.url ?? old.url, '--url', kind),
        user: orNone(flags.user, old.user),
        fingerprint: orNone(flags.fingerprint, old.fingerprint),
        credential: await contentOf(flags.secretFile, readSecretFile, '--secret-file'),
      };
    case 's3':
      return {
        kind,
        url: needed(flags.url ?? old.url, '--url', kind),
        accessKey: needed(flags.accessKey ?? old.accessKey, '--access-key', kind),
        ...(region === undefined ? {} : { region }),
        caCertificate: flags.caFile
          ? await readText(flags.caFile, '--ca-file')
          : orNone(flags.caFile, old.caCertificate),
        credential: await contentOf(file(flags.secretFile, '--secret-file'), readSecretFile, '--secret-file'),
      };
  }
}

function orNone(given: string | undefined, before: string | null): string | null {
  return given === undefined ? before : given || null;
}

async function contentOf(
  name: string | undefined,
  read: (name: string, option: string) => Promise<string>,
  option: string,
): Promise<string | null> {
  return name === undefined ? null : read(name, option);
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
