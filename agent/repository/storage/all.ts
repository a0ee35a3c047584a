import { LocalStorage } from './local.ts';
import type { Storage } from './storage.ts';

/** The kinds of pool that this build can store to; SFTP, REST and S3 join here. */
export type StorageAddress = { kind: 'local'; path: string };

const makers: { [K in StorageAddress['kind']]: (address: Extract<StorageAddress, { kind: K }>) => Storage } = {
  local: (address) => new LocalStorage(address.path),
};

/** Opens no connection: the first call of the storage does. */
export function createStorage(address: StorageAddress): Storage {
  return makers[address.kind](address);
}
