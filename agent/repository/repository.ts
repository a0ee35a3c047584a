import { AppError } from '../../shared/errors.ts';
import { BlobIndex } from './blob-index.ts';
import { SealingKey } from './cipher.ts';
import { newConfig, openConfig } from './config-file.ts';
import { type KdfParameters, type OpenedKeyFile, openKeyFile, randomMasterKey, writeKeyFile } from './key-file.ts';
import { type LockOptions, RepositoryLock } from './lock.ts';
import type { FoundLock } from './lock-file.ts';
import { RepositoryKeys } from './maintenance/keys.ts';
import { RepositoryLocks } from './maintenance/locks.ts';
import { Maintenance } from './maintenance/maintenance.ts';
import { OpenSnapshot } from './open-snapshot.ts';
import { parseSnapshot, type Snapshot } from './snapshot-file.ts';
import { findSnapshot, listSnapshots, type SnapshotQuery } from './snapshot-list.ts';
import { SnapshotWriter, type WriterOptions } from './snapshot-writer.ts';
import { GatedStorage } from './storage/gated.ts';
import { RetryingStorage } from './storage/retrying.ts';
import type { Storage } from './storage/storage.ts';
import { readUnpacked } from './unpacked.ts';
import { WorkerPool } from './worker-pool.ts';

export interface RepositoryOptions {
  /** Pipeline threads; default two or what the machine has. */
  workers?: number;
}

/**
 * Makes a repository of format v2 where nothing is stored yet. `config` comes last: until then it is none.
 * @throws AppError notEmpty, storage errors
 */
export async function createRepository(
  storage: Storage,
  password: string,
  options: RepositoryOptions & { kdf?: KdfParameters } = {},
): Promise<Repository> {
  if ((await storage.readConfig()) !== undefined || !(await storage.isEmpty())) {
    throw new AppError('notEmpty', `${storage.location} is not empty`, {
      hint: 'Choose an empty place for a new repository.',
    });
  }
  const master = randomMasterKey();
  const config = newConfig(new SealingKey(master));
  await storage.prepare();
  const name = await writeKeyFile(storage, password, master, options.kdf);
  await storage.writeConfig(config.bytes);
  return new Repository(storage, { name, master }, config.id, options);
}

/**
 * Opens a repository. Its index is loaded with the first lock.
 * @throws AppError poolNotReachable when there is no config, wrongPassword, repositoryDamaged, incompatible, storage errors
 */
export async function openRepository(
  storage: Storage,
  password: string,
  options: RepositoryOptions & { signal?: AbortSignal } = {},
): Promise<Repository> {
  const config = await storage.readConfig();
  if (config === undefined) {
    throw new AppError('poolNotReachable', `there is no repository at ${storage.location}`, {
      hint: 'Check that the path is right and mounted.',
    });
  }
  const opened = await openKeyFile(storage, password, options.signal);
  return new Repository(storage, opened, openConfig(new SealingKey(opened.master), config), options);
}

/**
 * An open restic repository. Key and index stay in memory between jobs; a lock does not. Close it to end the threads.
 */
export class Repository {
  /** Of the repository's config: tells whether two addresses are the same repository. */
  readonly id: string;
  /** The passwords that open it. */
  readonly keys: RepositoryKeys;
  readonly locks: RepositoryLocks;
  readonly #storage: Storage;
  readonly #key: SealingKey;
  readonly #index: BlobIndex;
  readonly #pool: WorkerPool;

  constructor(storage: Storage, opened: OpenedKeyFile, id: string, options: RepositoryOptions) {
    const { master } = opened;
    this.id = id;
    this.keys = new RepositoryKeys(storage, opened, id);
    this.locks = new RepositoryLocks(storage, new SealingKey(master));
    this.#storage = storage;
    this.#key = new SealingKey(master);
    this.#index = new BlobIndex(storage, this.#key);
    this.#pool = new WorkerPool(master, options.workers);
  }

  get location(): string {
    return this.#storage.location;
  }

  /** Blobs that the index knows since the last lock. */
  get blobCount(): number {
    return this.#index.blobCount;
  }

  /**
   * Takes a lock and brings the index up to date; what vanished meanwhile is forgotten.
   * @param options `withoutIndex`: leave the index alone, for check, prune and rebuild, which read it themselves and must
   * not fail because it is broken
   * @throws AppError repositoryLocked, repositoryDamaged, storage errors, cancelled
   */
  async lock(options: LockOptions & { withoutIndex?: boolean } = {}): Promise<RepositoryLock> {
    const lock = await RepositoryLock.acquire(this.#storage, this.#key, options);
    try {
      if (options.withoutIndex !== true) await this.#index.load(options.signal);
    } catch (error) {
      // A file that stays is in the caller's journal; the first error says more.
      await lock.release().catch(() => undefined);
      throw error;
    }
    return lock;
  }

  /** Every lock file, readable or not. */
  listLocks(): Promise<FoundLock[]> {
    return this.locks.list();
  }

  /** Starts a snapshot under a lock that is held until it has ended. */
  startSnapshot(lock: RepositoryLock, options: WriterOptions): SnapshotWriter {
    const signal = AbortSignal.any([options.signal, lock.signal]);
    // Nobody waits for a server longer than for the job.
    const own = this.#storage instanceof RetryingStorage ? this.#storage.within(signal) : this.#storage;
    const storage = new GatedStorage(own, lock.settled);
    const parts = { storage, key: this.#key, index: this.#index, pool: this.#pool };
    return new SnapshotWriter(parts, { ...options, signal });
  }

  /** Checks, prunes and the like, under a lock that is held until they have ended. */
  maintenance(lock: RepositoryLock): Maintenance {
    const parts = { storage: this.#storage, key: this.#key, index: this.#index, pool: this.#pool };
    return new Maintenance(this.id, parts, lock);
  }

  /** Every snapshot, oldest first, foreign ones too. @param onDamaged called for unreadable ones, which throw otherwise */
  listSnapshots(onDamaged?: (id: string, error: AppError) => void): Promise<Snapshot[]> {
    return listSnapshots(this.#storage, this.#key, onDamaged);
  }

  /** The snapshot under the hinted id if it carries the tag, else the newest one with the tag. */
  findSnapshot(query: SnapshotQuery): Promise<Snapshot | undefined> {
    return findSnapshot(this.#storage, this.#key, query);
  }

  /** Opens a snapshot for reading; hold a lock while it is in use. @throws AppError notFound, repositoryDamaged */
  async openSnapshot(snapshot: Snapshot | string): Promise<OpenSnapshot> {
    const found = typeof snapshot === 'string' ? await this.#readSnapshot(snapshot) : snapshot;
    return new OpenSnapshot({ storage: this.#storage, key: this.#key, index: this.#index, pool: this.#pool }, found);
  }

  /** Ends the pipeline threads, which hold some 50 MiB each; the next work starts new ones. */
  async rest(): Promise<void> {
    await this.#pool.close();
  }

  /** Ends the pipeline threads and the connections of its storage. */
  async close(): Promise<void> {
    await this.#pool.close();
    await this.#storage.close?.();
  }

  async #readSnapshot(id: string): Promise<Snapshot> {
    return parseSnapshot(id, await readUnpacked(this.#storage, this.#key, 'snapshot', id));
  }
}
