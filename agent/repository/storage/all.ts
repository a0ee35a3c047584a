import type { StorageTarget } from '../../../shared/model/storage.ts';
import { AppError } from '../../../shared/errors.ts';
import { LocalStorage } from './local.ts';
import type { Storage } from './storage.ts';

/** Opens no connection: the first call of the storage does. */
export function createStorage(target: StorageTarget): Storage {
  if (target.kind === 'local') return new LocalStorage(target.path);
  throw new AppError('unsupported', `storages of kind ${target.kind} are not built yet`);
}
