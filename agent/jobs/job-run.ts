import type { Logger } from '../../shared/node/log.ts';
import type { JobProgress, JobResult, TaskDisk } from '../../shared/model/job.ts';
import type { TaskStep } from '../../shared/model/task.ts';
import { AppError } from '../../shared/errors.ts';
import type { AgentIdentity } from '../identity.ts';
import type { JobJournal } from '../journal.ts';
import type { JobScope, Resource } from '../platforms/platform.ts';
import type { Roots } from '../platforms/roots.ts';
import type { OpenRepositories } from './open-repositories.ts';

/** What every job works with. */
export interface JobDeps {
  identity: AgentIdentity;
  repositories: OpenRepositories;
  roots: Roots;
  log: Logger;
}

/** What a job leaves for its result, besides outcome and times. */
export type JobOutput = Pick<JobResult, 'backup' | 'restore' | 'maintenance'>;

/** Progress goes up at most this often. */
const reportMs = 250;

/** One running job: its figures, its warnings, its journal. Platforms see it as their JobScope. */
export class JobRun implements JobScope {
  readonly jobUuid: string;
  readonly signal: AbortSignal;
  readonly warnings: string[] = [];
  step: TaskStep = 'preparing';
  bytesTotal: number | null = null;
  bytesDone = 0;
  bytesRead = 0;
  bytesStored = 0;
  disks: TaskDisk[] = [];
  private readonly journal: JobJournal;
  private readonly onProgress: (progress: JobProgress) => void;
  private timer: NodeJS.Timeout | undefined;

  constructor(jobUuid: string, signal: AbortSignal, journal: JobJournal, onProgress: (progress: JobProgress) => void) {
    this.jobUuid = jobUuid;
    this.signal = signal;
    this.journal = journal;
    this.onProgress = onProgress;
  }

  /** Enters a step. @throws AppError cancelled */
  async enter(step: TaskStep): Promise<void> {
    this.assertWanted();
    this.step = step;
    await this.journal.append({ event: 'step', step, at: Date.now() });
    // A short step would fall through the gathering of reports.
    this.onProgress(this.progress());
  }

  /** Forgets the figures of an attempt that came to nothing. */
  startOver(): void {
    this.bytesTotal = null;
    this.bytesDone = this.bytesRead = this.bytesStored = 0;
    this.disks = [];
    this.warnings.length = 0;
  }

  assertWanted(): void {
    if (this.signal.aborted)
      throw this.signal.reason instanceof AppError
        ? this.signal.reason
        : new AppError('cancelled', 'the task was cancelled');
  }

  acquired(resource: Resource): Promise<void> {
    return this.journal.acquired(resource);
  }

  released(resource: Resource): Promise<void> {
    return this.journal.released(resource);
  }

  warn(message: string): void {
    this.warnings.push(message.slice(0, 4000));
  }

  /** Sends the newest figures soon. */
  report(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.onProgress(this.progress());
    }, reportMs);
  }

  stopReporting(): void {
    clearTimeout(this.timer);
    // A later report() must not start a new timer.
    this.report = () => undefined;
  }

  progress(): JobProgress {
    const { jobUuid, step, bytesTotal, bytesDone, bytesRead, bytesStored, disks } = this;
    return { jobUuid, step, bytesTotal, bytesDone, bytesRead, bytesStored, disks };
  }
}
