import { AppError, hasCode } from '../../../shared/errors.ts';
import { locationOf, type StorageTarget } from '../../../shared/model/storage.ts';
import { note } from '../../../shared/node/print.ts';
import type { LockOptions, RepositoryLock } from '../../repository/lock.ts';
import { openRepository, type Repository } from '../../repository/repository.ts';
import { createStorage } from '../../repository/storage/all.ts';
import type { Storage } from '../../repository/storage/storage.ts';
import { passwordOf } from './ask-password.ts';
import { LocklessStorage } from './lockless-storage.ts';
import { type PlaceFlags, placeOf } from './place.ts';
import { countKeys, keysHint, missingRepository } from './open-help.ts';
import { stopSignal } from './stop-signal.ts';

/** Whoever mistyped the address shall not wait a quarter of an hour for it. */
const firstTryMs = 10_000;

export interface OpenFlags extends PlaceFlags {
  /** Commander's name for --no-lock. */
  lock?: boolean;
}

export interface Opened {
  repository: Repository;
  location: string;
  /** Aborted at the first Ctrl-C. */
  signal: AbortSignal;
  /** Runs something under a lock of the repository, or without one after --no-lock. */
  readonly locked: <T>(work: (lock: RepositoryLock) => Promise<T>, options?: LockChoice) => Promise<T>;
}

type LockChoice = Pick<LockOptions, 'exclusive' | 'settleLater'> & { withoutIndex?: boolean };

/**
 * Opens a repository without any engine, and closes it after the work.
 * @throws AppError invalidValue, poolNotReachable, wrongPassword, repositoryDamaged, storage errors, cancelled
 */
export async function withRepository<T>(flags: OpenFlags, work: (opened: Opened) => Promise<T>): Promise<T> {
  const place = await placeOf(flags);
  const location = locationOf(place);
  const stop = stopSignal();
  try {
    const storage = await reach(place, flags, stop.signal);
    const repository = await open(storage, flags, stop.signal).catch(async (error: unknown) => {
      await storage.close?.();
      throw error;
    });
    try {
      const locked: Opened['locked'] = (inside, options) => underLock(repository, stop.signal, inside, options);
      return await work({ repository, location, signal: stop.signal, locked });
    } finally {
      await repository.close();
    }
  } finally {
    stop.end();
  }
}

/** Makes sure that there is a repository before a password is asked for. */
async function reach(place: StorageTarget, { lock }: OpenFlags, signal: AbortSignal): Promise<Storage> {
  const first = createStorage(place, { signal, log: note, maxTotalMs: firstTryMs });
  try {
    if ((await first.readConfig()) === undefined) throw await missingRepository(place);
  } finally {
    await first.close?.();
  }
  const storage = createStorage(place, { signal, log: note });
  return lock === false ? new LocklessStorage(storage) : storage;
}

async function open(storage: Storage, flags: OpenFlags, signal: AbortSignal): Promise<Repository> {
  const password = await passwordOf(flags.passwordFile, '--password-file', `Password of ${storage.location}`);
  try {
    return await openRepository(storage, password, { signal });
  } catch (error) {
    const keyless = hasCode(error, 'repositoryDamaged') && (await countKeys(storage)) === 0;
    if (!keyless && !hasCode(error, 'wrongPassword')) throw error;
    throw new AppError(error.code, error.message, { hint: await keysHint(storage), cause: error.cause });
  }
}

async function underLock<T>(
  repository: Repository,
  signal: AbortSignal,
  work: (lock: RepositoryLock) => Promise<T>,
  options: LockChoice = {},
): Promise<T> {
  const lock = await repository.lock({ ...options, signal }).catch((error: unknown) => {
    throw lockHelp(error, options);
  });
  try {
    const result = await work(lock);
    await lock.settled;
    return result;
  } finally {
    await lock.release();
  }
}

const toRead = 'To read all the same, add --no-lock.';

/** What to do about a lock that cannot be had. */
function lockHelp(error: unknown, { exclusive }: LockChoice): unknown {
  if (!(error instanceof AppError)) return error;
  const ways: Partial<Record<AppError['code'], string>> = {
    repositoryLocked: `${error.hint ?? ''} Look with: repo locks; remove stale ones with: repo locks --remove-stale.`,
    storageDenied: `${error.hint ?? ''} A lock must be written first.`,
  };
  const hint = ways[error.code];
  if (hint === undefined) return error;
  const whole = exclusive === true ? hint : `${hint} ${toRead}`;
  return new AppError(error.code, error.message, { field: error.field, hint: whole.trim(), cause: error.cause });
}
