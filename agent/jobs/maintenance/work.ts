import type { Repository } from '../../repository/repository.ts';
import type { MaintenanceJob } from '../../../shared/model/job.ts';
import type { MaintenanceResult, Operation } from '../../../shared/model/maintenance.ts';
import type { JobRun } from '../job-run.ts';

/** What every piece of maintenance works with. */
export interface Work {
  run: JobRun;
  repository: Repository;
  job: MaintenanceJob;
}

export type OperationOf<K extends Operation['kind']> = Extract<Operation, { kind: K }>;
export type ResultOf<K extends MaintenanceResult['kind']> = Extract<MaintenanceResult, { kind: K }>;

/** Shows bytes done as the job's progress. */
export function showProgress(run: JobRun) {
  return ({ bytesDone, bytesTotal }: { bytesDone: number; bytesTotal: number }): void => {
    run.bytesTotal = bytesTotal;
    run.bytesDone = bytesDone;
    run.report();
  };
}
