import { backupTag } from '../../../shared/format.ts';
import type { RepositoryLock } from '../../repository/lock.ts';
import { withLock } from '../locked.ts';
import type { OperationOf, ResultOf, Work } from './work.ts';

/** Removes the snapshots of points; their space comes back with the next prune. A point that is already gone is deleted. */
export async function deletePoints(
  { run, repository, job }: Work,
  { points }: OperationOf<'delete'>,
): Promise<ResultOf<'delete'>> {
  const remove = async (lock: RepositoryLock): Promise<ResultOf<'delete'>> => {
    await run.enter('checkingData');
    const tags = new Set(points.map(({ backupUuid }) => backupTag(backupUuid)));
    // A rewrite by another program may have left a point twice: both go.
    const snapshots = await repository.listSnapshots(() => undefined);
    const ids = snapshots.filter((snapshot) => snapshot.tags.some((tag) => tags.has(tag))).map(({ id }) => id);
    await run.enter('writingData');
    await repository.maintenance(lock).forget(ids, { signal: run.signal });
    await run.enter('finalising');
    return { kind: 'delete', deleted: points.map(({ backupUuid }) => backupUuid) };
  };
  return withLock(run, job.repository, repository, remove, { withoutIndex: true });
}
