import { maxDamages } from '../../../shared/model/maintenance.ts';
import type { ReadData } from '../../repository/maintenance/check-data.ts';
import { withLock } from '../locked.ts';
import { backupsBySnapshot, diskOf } from './point-names.ts';
import { type OperationOf, type ResultOf, showProgress, type Work } from './work.ts';

/** Checks the whole repository and names the points and disks that are hit; damage makes the task end with a warning. */
export async function checkAll(
  { run, repository, job }: Work,
  { readPercent }: OperationOf<'check'>,
): Promise<ResultOf<'check'>> {
  const options = { withoutIndex: true };
  return withLock(
    run,
    job.repository,
    repository,
    async (lock) => {
      await run.enter('checkingData');
      const found = await repository
        .maintenance(lock)
        .check({ readData: readDataOf(readPercent), signal: run.signal, onProgress: showProgress(run) });
      const backups = await backupsBySnapshot(repository);
      await run.enter('finalising');
      const errors = found.errors.slice(0, maxDamages).map((error) => ({
        kind: error.kind,
        pack: error.pack === '' ? null : error.pack,
        backups: [...new Set(error.snapshots.flatMap((id) => backups.get(id) ?? []))].slice(0, 100),
        disk: diskOf(error.path),
        offset: error.offset ?? null,
        length: error.length ?? null,
        message: error.message.slice(0, 2000),
      }));
      if (!found.ok) run.warn(`${found.errorCount} damages were found; the first one: ${errors[0]?.message ?? ''}`);
      return { kind: 'check', ok: found.ok, errors, errorCount: found.errorCount };
    },
    options,
  );
}

function readDataOf(percent: number): ReadData {
  if (percent === 0) return 'none';
  return percent === 100 ? 'all' : { samplePercent: percent };
}
