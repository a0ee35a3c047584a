import type { SealingKey } from '../cipher.ts';
import { type FoundLock, isStale, listLocks, removeStaleLock } from '../lock-file.ts';
import type { Storage } from '../storage/storage.ts';

export interface StaleOptions {
  /** What this machine calls itself in lock files; default its host name. */
  hostname?: string;
  /** Epoch ms. */
  now?: number;
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

  /**
   * Removes stale locks by restic's rule ({@link isStale}). One that cannot be read stays: it may be on its way.
   * @returns those that were removed
   * @throws storage errors
   */
  async removeStale({ hostname, now = Date.now() }: StaleOptions = {}): Promise<FoundLock[]> {
    const stale = (await this.list()).filter(({ holder }) => holder !== undefined && isStale(holder, now, hostname));
    for (const lock of stale) await removeStaleLock(this.#storage, lock.name);
    return stale;
  }
}
