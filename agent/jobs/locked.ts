import type { Repository } from '../repository/repository.ts';
import type { LockOptions, RepositoryLock } from '../repository/lock.ts';
import type { RepositoryTarget } from '../../shared/model/job.ts';
import { locationOf } from '../../shared/model/storage.ts';
import type { JobRun } from './job-run.ts';

/** Name of a lock in the journal: without secrets, enough to remove the file of a directory (DETAILS 10). */
export function lockResource(target: RepositoryTarget, name: string) {
  return {
    kind: 'repositoryLock' as const,
    name: JSON.stringify({ kind: target.storage.kind, path: locationOf(target.storage), lock: name }),
  };
}

/**
 * Runs something under a journalled lock; a task ends only after it is released (DETAILS 8). Reading begins at once; what
 * writes waits until the lock is settled, and so does the end.
 */
export async function withLock<T>(
  run: JobRun,
  target: RepositoryTarget,
  repository: Repository,
  work: (lock: RepositoryLock) => Promise<T>,
  options: Pick<LockOptions, 'exclusive'> & { withoutIndex?: boolean } = {},
): Promise<T> {
  const lock = await repository.lock({
    ...options,
    settleLater: true,
    signal: run.signal,
    onAcquire: (name) => run.acquired(lockResource(target, name)),
    onRelease: (name) => run.released(lockResource(target, name)),
  });
  try {
    const result = await work(lock);
    await lock.settled;
    return result;
  } finally {
    await lock.release();
  }
}
