import type { StorageTarget } from '../../../shared/model/storage.ts';
import { LocalStorage } from './local.ts';
import { RestStorage } from './rest.ts';
import { type RetryOptions, RetryingStorage } from './retrying.ts';
import { S3Storage } from './s3.ts';
import { SftpStorage } from './sftp.ts';
import type { Storage } from './storage.ts';

type TargetOf<K extends StorageTarget['kind']> = Extract<StorageTarget, { kind: K }>;

/**
 * The storage of a pool. Servers are tried again when they fail for a while; a directory answers for good at once.
 * Opens no connection: the first call does.
 */
export function createStorage(target: StorageTarget, retry: RetryOptions = {}): Storage {
  switch (target.kind) {
    case 'local':
      return new LocalStorage(target.path);
    case 'sftp':
      return new RetryingStorage(sftpOf(target), retry);
    case 'rest':
      return new RetryingStorage(restOf(target), retry);
    case 's3':
      return new RetryingStorage(s3Of(target), retry);
  }
}

function restOf({ url, user, fingerprint, credential }: TargetOf<'rest'>): RestStorage {
  return new RestStorage({
    url,
    ...(user === null ? {} : { user }),
    ...(credential === null ? {} : { secret: credential.reveal() }),
    ...(fingerprint === null ? {} : { fingerprint }),
  });
}

function s3Of({ url, accessKey, region, caCertificate, credential }: TargetOf<'s3'>): S3Storage {
  return new S3Storage({
    url,
    accessKey,
    secretKey: credential?.reveal() ?? '',
    region,
    ...(caCertificate === null ? {} : { caCertificate }),
  });
}

/** One slash before the path: below the login's home; two: absolute (DETAILS 31). */
function sftpOf({ url, hostKey, credential }: TargetOf<'sftp'>): SftpStorage {
  const { hostname, port, username, pathname } = new URL(url);
  return new SftpStorage({
    host: hostname.replace(/^\[|\]$/gu, ''),
    ...(port === '' ? {} : { port: Number(port) }),
    user: decodeURIComponent(username),
    path: decodeURIComponent(pathname.slice(1)),
    hostKey,
    ...(credential === null ? {} : { privateKey: credential.reveal() }),
  });
}
