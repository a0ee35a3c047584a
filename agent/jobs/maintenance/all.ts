import type { MaintenanceJob } from '../../../shared/model/job.ts';
import type { JobDeps, JobOutput, JobRun } from '../job-run.ts';
import { checkAll } from './check.ts';
import { deletePoints } from './delete.ts';
import { prune } from './prune.ts';
import { rebuildIndex } from './rebuild-index.ts';
import { verifyPoints } from './verify.ts';

/**
 * Does one piece of maintenance on a repository.
 * @throws AppError repositoryLocked, repositoryDamaged, wrongPassword, storage errors, cancelled
 */
export async function runMaintenance(deps: JobDeps, job: MaintenanceJob, run: JobRun): Promise<JobOutput> {
  await run.enter('preparing');
  const maintenance = await deps.repositories.use(job.repository, async (repository) => {
    const work = { run, repository, job };
    const { operation } = job;
    switch (operation.kind) {
      case 'check':
        return checkAll(work, operation);
      case 'verify':
        return verifyPoints(work, operation);
      case 'prune':
        return prune(work, operation);
      case 'delete':
        return deletePoints(work, operation);
      case 'rebuildIndex':
        return rebuildIndex(work);
    }
  });
  return { backup: null, restore: null, maintenance };
}
