import type { SealingKey } from '../cipher.ts';
import { type FoundLock, isStale, listLocks, removeStaleLock } from '../lock-file.ts';
import type { Storage } from '../storage/storage.ts';

export interface StaleOptions {
  /** What this machine calls itself in lock files; default its host name. */
  hostname?: string;
  /** Epoch ms. */
  now?: number;
}

/** A lock and whether restic's rule calls it stale. */
export interface JudgedLock extends FoundLock {
  stale: boolean;
}

/** The locks of a repository as a person sees them. */
export class RepositoryLocks {
  readonly #storage: Storage;
  readonly #key: SealingKey;

  constructor(storage: Storage, key: SealingKey) {
    this.#storage = storage;
    this.#key = key;
  }

  /** Every lock file, readable or not. @throws storage errors */
  list(): Promise<FoundLock[]> {
    return listLocks(this.#storage, this.#key);
  }

  /** The same with a judgement; a lock that cannot be read may be on its way and is not stale. @throws storage errors */
  async judge({ hostname, now = Date.now() }: StaleOptions = {}): Promise<JudgedLock[]> {
    const locks = await this.list();
    return locks.map((lock) => ({ ...lock, stale: lock.holder !== undefined && isStale(lock.holder, now, hostname) }));
  }

  /**
   * Removes stale locks by restic's rule ({@link isStale}). One that cannot be read stays: it may be on its way.
   * @returns those that were removed
   * @throws storage errors
   */
  async removeStale(options: StaleOptions = {}): Promise<FoundLock[]> {
    const stale = (await this.judge(options)).filter((lock) => lock.stale);
    for (const lock of stale) await removeStaleLock(this.#storage, lock.name);
    return stale;
  }
}
