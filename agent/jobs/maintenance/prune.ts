import { withLock } from '../locked.ts';
import { type OperationOf, type ResultOf, showProgress, type Work } from './work.ts';

/** Gives unused space back, or says how much it would be. */
export async function prune(
  { run, repository, job }: Work,
  { maxUnusedPercent, dryRun }: OperationOf<'prune'>,
): Promise<ResultOf<'prune'>> {
  const options = { exclusive: !dryRun, withoutIndex: true };
  return withLock(
    run,
    job.repository,
    repository,
    async (lock) => {
      await run.enter('checkingData');
      const maintenance = repository.maintenance(lock);
      let plan = await maintenance.planPrune({ maxUnusedPercent, signal: run.signal });
      if (!dryRun) {
        await run.enter('writingData');
        plan = await maintenance.prune(plan, { signal: run.signal, onProgress: showProgress(run) });
      }
      await run.enter('finalising');
      return { kind: 'prune', dryRun, repackBytes: plan.repackBytes, freedBytes: plan.freedBytes };
    },
    options,
  );
}
