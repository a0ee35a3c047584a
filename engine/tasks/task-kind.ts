import type { JobInput } from '../../shared/model/job.ts';
import type { ClientRow } from '../database/clients.ts';
import type { TaskRow } from '../database/task-row.ts';
import type { TaskDeps } from './task-deps.ts';

/** What differs between kinds of tasks; everything else is the queue's. */
export interface TaskKindModule {
  /** The platform its client must reach; null when the pool alone is enough. */
  platformId(task: TaskRow): number | null;
  /** The job as the agent gets it, secrets included. @throws AppError when something it needs is gone */
  buildJob(deps: TaskDeps, task: TaskRow, client: ClientRow): Promise<JobInput>;
}
