import type { OpenJob } from '../../shared/contract/manager/all.ts';
import type { JobProgress, JobResult } from '../../shared/model/job.ts';

/** What the links tell the floor above them; the task queue implements it. */
export interface JobEvents {
  /** The client has come (back) and lists every job the engine has not acknowledged. */
  connected(clientId: number, jobs: readonly OpenJob[]): Promise<void>;
  /** Contact is lost: what happens to its jobs is unknown until it comes back. */
  disconnected(clientId: number): Promise<void>;
  /** Returns once the result is committed: the answer is the acknowledgement. @throws AppError noRight for foreign jobs */
  reported(clientId: number, result: JobResult): Promise<void>;
  progressed(clientId: number, progress: JobProgress): Promise<void>;
}
