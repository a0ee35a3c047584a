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

/** Runs something under a journalled lock; a task ends only after it is released (DETAILS 8). */
export async function withLock<T>(
  run: JobRun,
  target: RepositoryTarget,
  repository: Repository,
  work: (lock: RepositoryLock) => Promise<T>,
  options: Pick<LockOptions, 'settleLater' | 'exclusive'> & { withoutIndex?: boolean } = {},
): Promise<T> {
  const lock = await repository.lock({
    ...options,
    signal: run.signal,
    onAcquire: (name) => run.acquired(lockResource(target, name)),
    onRelease: (name) => run.released(lockResource(target, name)),
  });
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}
