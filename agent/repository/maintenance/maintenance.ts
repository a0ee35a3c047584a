import { AppError } from '../../../shared/errors.ts';
import type { ReaderParts } from '../blob-reader.ts';
import type { RepositoryLock } from '../lock.ts';
import type { Snapshot } from '../snapshot-file.ts';
import { GatedStorage } from '../storage/gated.ts';
import { checkRepository, type CheckOptions, type CheckResult } from './check.ts';
import { forgetSnapshots } from './forget.ts';
import { runPrune, type PruneRunOptions } from './prune.ts';
import { planPrune, type PruneOptions, type PrunePlan } from './prune-plan.ts';
import { rebuildIndex, type RebuildOptions, type RebuildResult } from './rebuild-index.ts';
import { repositoryStats, type RepositoryStats } from './stats.ts';
import { verifyPoint, type PointOptions, type PointResult } from './verify-point.ts';

/**
 * Everything that is done to a repository as a whole, under a lock that the caller holds until it has ended. Each call ends
 * with `lockLost` when the lock is lost. What each needs and throws stands with its function.
 */
export class Maintenance {
  readonly #repositoryId: string;
  readonly #parts: ReaderParts;
  readonly #lock: RepositoryLock;
  readonly #plans = new WeakSet<PrunePlan>();

  constructor(repositoryId: string, parts: ReaderParts, lock: RepositoryLock) {
    this.#repositoryId = repositoryId;
    this.#parts = { ...parts, storage: new GatedStorage(parts.storage, lock.settled) };
    this.#lock = lock;
  }

  /** What the repository holds. */
  stats(options: { signal: AbortSignal }): Promise<RepositoryStats> {
    return repositoryStats(this.#parts, this.#repositoryId, this.#guarded(options));
  }

  /** Looks for damage. */
  check(options: CheckOptions): Promise<CheckResult> {
    return checkRepository(this.#parts, this.#guarded(options));
  }

  /** Reads again what one snapshot needs. */
  verifyPoint(snapshot: Snapshot, options: PointOptions): Promise<PointResult> {
    return verifyPoint(this.#parts, snapshot, this.#guarded(options));
  }

  /** Removes snapshot files. */
  forget(snapshotIds: readonly string[], options: { signal: AbortSignal }): Promise<void> {
    return forgetSnapshots(this.#parts.storage, snapshotIds, this.#guarded(options).signal);
  }

  /** What a prune would do, and what it would give back. */
  async planPrune(options: PruneOptions): Promise<PrunePlan> {
    const plan = await planPrune(this.#parts, this.#guarded(options));
    this.#plans.add(plan);
    return plan;
  }

  /** Prunes; needs an exclusive lock. @returns the plan that was carried out */
  async prune(plan: PrunePlan, options: Omit<PruneRunOptions, 'isCurrent'>): Promise<PrunePlan> {
    this.#needExclusive();
    return runPrune(this.#parts, plan, { ...this.#guarded(options), isCurrent: this.#plans.delete(plan) });
  }

  /** Makes the index anew from the packs; needs an exclusive lock. */
  rebuildIndex(options: RebuildOptions): Promise<RebuildResult> {
    this.#needExclusive();
    return rebuildIndex(this.#parts, this.#guarded(options));
  }

  #guarded<T extends { signal: AbortSignal }>(options: T): T {
    return { ...options, signal: AbortSignal.any([options.signal, this.#lock.signal]) };
  }

  #needExclusive(): void {
    if (!this.#lock.exclusive) throw new AppError('internal', 'this needs an exclusive lock of the repository');
  }
}
