import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../../shared/errors.ts';
import { type StorageKind, type StorageTarget, storageTargetSchema } from '../../../shared/model/storage.ts';
import { storageOf } from '../../../shared/node/storage-flags.ts';
import { parseValue } from '../../../shared/rpc/parse.ts';
import {
  addStorageOptions,
  openingOptions,
  optionOfField,
  type StorageFlags,
} from '../../../shared/storage-options.ts';

/** Where the repository is and what opens it. */
export interface PlaceFlags extends Omit<StorageFlags, 'path' | 'url'> {
  repo: string;
  passwordFile?: string;
}

export function addPlaceOptions(command: Command): Command {
  const place = command
    .requiredOption(
      '--repo <place>',
      'folder, sftp://USER@HOST:PORT/PATH (two slashes before an absolute path), rest:https://HOST:PORT/PATH or s3:https://HOST/BUCKET/PREFIX',
    )
    .option('--password-file <file>', 'password of the repository; asked for when left out');
  return addStorageOptions(place, openingOptions);
}

/** @throws AppError invalidValue naming the option that is wrong or missing */
export async function placeOf({ repo, ...flags }: PlaceFlags): Promise<StorageTarget> {
  const { kind, address } = addressOf(repo, flags);
  const input = await storageOf(kind, { ...flags, ...(kind === 'local' ? { path: address } : { url: address }) });
  try {
    return parseValue(storageTargetSchema, input, '--repo');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, error.message, { field: optionOfField(error.field ?? '') ?? '--repo' });
  }
}

/** What stands before the first colon tells the kind, with restic's prefixes; a bare http address is REST unless S3 keys are given. */
function addressOf(repo: string, { accessKey }: Pick<PlaceFlags, 'accessKey'>): { kind: StorageKind; address: string } {
  const [, prefix = '', rest = ''] = /^([a-z0-9]+):(.*)$/su.exec(repo) ?? [];
  switch (prefix) {
    case '':
      return { kind: 'local', address: resolve(repo) };
    case 'local':
      return { kind: 'local', address: resolve(rest) };
    case 'sftp':
      if (rest.startsWith('//')) return { kind: 'sftp', address: repo };
      throw wrong(repo, 'Write it as sftp://USER@HOST:PORT/PATH, with two slashes before an absolute path.');
    case 'rest':
      return { kind: 'rest', address: withoutPassword(rest) };
    case 's3':
      if (/^https?:/u.test(rest)) return { kind: 's3', address: rest };
      throw wrong(repo, 'Write it as s3:https://HOST/BUCKET/PREFIX.');
    case 'http':
    case 'https':
      return accessKey === undefined ? { kind: 'rest', address: withoutPassword(repo) } : { kind: 's3', address: repo };
    default:
      throw wrong(repo, 'Known are folders, sftp://, rest:https:// (or http) and s3:https:// (or http).');
  }
}

/** An address on the command line can be read by everybody on the machine. */
function withoutPassword(address: string): string {
  const url = URL.parse(address);
  if (url === null || (url.password === '' && url.username === '')) return address;
  throw new AppError('invalidValue', '--repo: the address must hold neither user nor password', {
    field: '--repo',
    hint: 'Give them with --user and --secret-file.',
  });
}

function wrong(repo: string, hint: string): AppError {
  return new AppError('invalidValue', `--repo: "${repo}" is no address of a repository`, { field: '--repo', hint });
}
