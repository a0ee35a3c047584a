import { hostname } from 'node:os';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { AppError, hasCode, messageOf } from '../../shared/errors.ts';
import { throwIfAborted } from './cancel.ts';
import type { SealingKey } from './cipher.ts';
import { encodeLock, type FoundLock, isStale, listLocks } from './lock-file.ts';
import type { Storage } from './storage/storage.ts';
import { sealUnpacked } from './unpacked.ts';

/*
 * The protocol is restic's: look, write the own file, wait, look again; refresh by a new file before the old one goes.
 * restic finds out whether a lock's process lives by sending it SIGHUP, which kills a Node process without a handler:
 * every program that takes locks installs a no-op one in its main.
 */

/** Time, for tests to replace. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
  /** Resolves after so many ms; rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleepFor(ms, undefined, { signal }),
};

export interface LockOptions {
  /** Nobody else may hold any lock: prune, index rebuild, key removal. */
  exclusive?: boolean;
  /** Default: the machine's; a container needs one of its own. */
  hostname?: string;
  /** Called with the file's name before it is written. */
  onAcquire?: (name: string) => Promise<void> | void;
  /** Called with the file's name after it is gone. */
  onRelease?: (name: string) => Promise<void> | void;
  signal?: AbortSignal;
  clock?: Clock;
  /**
   * Do not wait until others have had time to see the lock: reading may begin, and whoever writes waits for `settled`.
   * A writer of snapshots does so by itself.
   */
  settleLater?: boolean;
}

/** Says that waiting will not help. */
export const staleLockHint = 'The lock is stale. Remove stale locks and try again.';

const settleMs = 200;
const refreshMs = 5 * 60_000;
const retryMs = 60_000;
/** restic's deadline: well before others may call the lock stale. */
const lostAfterMs = 22.5 * 60_000;
/** A lock file that cannot be read may still be on its way. */
const unreadableRetriesMs = [1000, 2000, 4000];

/** A lock that is held and refreshed. `signal` is aborted with `lockLost` when it can no longer be relied on. */
export class RepositoryLock {
  readonly #storage: Storage;
  readonly #key: SealingKey;
  readonly #options: LockOptions;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #lost = new AbortController();
  /** Files of ours that exist or, after a failed write, may exist. */
  #names: string[] = [];
  #name = '';
  #refreshedAt = 0;
  #loop: Promise<void> = Promise.resolve();
  #settled: Promise<void> = Promise.resolve();

  private constructor(storage: Storage, key: SealingKey, options: LockOptions) {
    this.#storage = storage;
    this.#key = key;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Takes the lock.
   * @throws AppError repositoryLocked naming the holder; storage errors; cancelled
   */
  static async acquire(storage: Storage, key: SealingKey, options: LockOptions = {}): Promise<RepositoryLock> {
    const lock = new RepositoryLock(storage, key, options);
    try {
      await lock.#checkOthers();
      await lock.#writeFile();
      lock.#settled = lock.#settle();
      if (options.settleLater === true) lock.#settled.catch((error: unknown) => lock.#lost.abort(error));
      else await lock.#settled;
    } catch (error) {
      // What cannot be removed stays in the caller's journal; the first error says more.
      await lock.#removeFiles().catch(() => undefined);
      if (options.signal !== undefined) throwIfAborted(options.signal);
      throw error;
    }
    lock.#loop = lock.#keepFresh();
    return lock;
  }

  /** Resolves once nobody else can have taken a lock that this one contradicts; nothing may be written before. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Aborted with AppError lockLost when the lock could not be kept, or with what `settled` was rejected with. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether nobody else may hold any lock. */
  get exclusive(): boolean {
    return this.#options.exclusive ?? false;
  }

  /** The name of the current lock file. */
  get name(): string {
    return this.#name;
  }

  /** Gives the lock back. A second call does nothing. @throws storage errors: the file is then still there */
  async release(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled([this.#loop, this.#settled]);
    await this.#removeFiles();
  }

  /** Aborted by the caller's signal or by release. */
  #wakened(): AbortSignal {
    const { signal } = this.#options;
    return signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  async #settle(): Promise<void> {
    await this.#clock.sleep(settleMs, this.#wakened());
    await this.#checkOthers();
  }

  async #writeFile(): Promise<void> {
    const now = this.#clock.now();
    const holder = {
      time: now,
      exclusive: this.#options.exclusive ?? false,
      hostname: this.#options.hostname ?? hostname(),
      pid: process.pid,
    };
    const file = sealUnpacked(this.#key, encodeLock(holder));
    await this.#options.onAcquire?.(file.name);
    this.#names.push(file.name);
    await this.#storage.write('lock', file.name, [file.bytes]);
    this.#name = file.name;
    this.#refreshedAt = now;
  }

  async #removeFiles(keep?: string): Promise<void> {
    for (const name of this.#names.filter((each) => each !== keep)) {
      await this.#storage.remove('lock', name);
      this.#names = this.#names.filter((each) => each !== name);
      await this.#options.onRelease?.(name);
    }
  }

  async #checkOthers(): Promise<void> {
    for (const waitMs of [...unreadableRetriesMs, 0]) {
      const others = (await listLocks(this.#storage, this.#key)).filter((lock) => !this.#names.includes(lock.name));
      const unreadable = others.find((lock) => lock.holder === undefined);
      const conflict = others.find(
        (lock) => lock.holder !== undefined && (lock.holder.exclusive || this.#options.exclusive),
      );
      if (conflict !== undefined) throw this.#lockedBy(conflict);
      if (unreadable === undefined) return;
      if (waitMs === 0) throw this.#lockedBy(unreadable);
      await this.#clock.sleep(waitMs, this.#options.signal ?? this.#stop.signal);
    }
  }

  #lockedBy(lock: FoundLock): AppError {
    const { holder } = lock;
    if (holder === undefined) {
      return new AppError(
        'repositoryLocked',
        `the repository has a lock that cannot be read: ${lock.problem ?? lock.name}`,
      );
    }
    const kind = holder.exclusive ? 'exclusively ' : '';
    const since = new Date(holder.time).toISOString();
    const stale = isStale(holder, this.#clock.now(), this.#options.hostname);
    return new AppError(
      'repositoryLocked',
      `the repository is ${kind}locked by process ${holder.pid} on ${holder.hostname} since ${since}`,
      {
        hint: stale ? staleLockHint : 'Wait until it has ended.',
      },
    );
  }

  async #keepFresh(): Promise<void> {
    const { signal } = this.#stop;
    let waitMs = refreshMs;
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(waitMs, signal);
      } catch {
        // Only release() aborts the sleep.
        return;
      }
      const problem = await this.#tryRefresh();
      waitMs = problem === undefined ? refreshMs : retryMs;
      if (problem === undefined) continue;
      const gone = hasCode(problem, 'notFound');
      if (!gone && this.#clock.now() - this.#refreshedAt < lostAfterMs) continue;
      const reason = gone ? 'its file was removed' : `it could not be refreshed: ${messageOf(problem)}`;
      this.#lost.abort(new AppError('lockLost', `the lock of the repository is lost, ${reason}`, { cause: problem }));
      return;
    }
  }

  /** @returns what went wrong; a storage that hangs counts as failed when the deadline passes */
  async #tryRefresh(): Promise<unknown> {
    const settled = new AbortController();
    const left = Math.max(retryMs, lostAfterMs - (this.#clock.now() - this.#refreshedAt));
    const refresh = this.#refresh().then(
      () => undefined,
      (error: unknown) => error,
    );
    const deadline = this.#clock.sleep(left, AbortSignal.any([settled.signal, this.#stop.signal])).then(
      () => new AppError('timeout', 'the storage does not answer'),
      // Woken by the refresh or by release(), which waits for the refresh itself.
      () => refresh,
    );
    const problem = await Promise.race([refresh, deadline]);
    settled.abort();
    return problem;
  }

  /** A new file before the old one goes; ours must still be there, else others may have pruned meanwhile. */
  async #refresh(): Promise<void> {
    await this.#storage.size('lock', this.name);
    await this.#writeFile();
    await this.#removeFiles(this.name);
  }
}
