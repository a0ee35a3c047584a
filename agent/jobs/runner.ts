import type { OpenJob } from '../../shared/contract/manager/all.ts';
import { AppError, hasCode, toWireError } from '../../shared/errors.ts';
import type { Job, JobProgress, JobResult } from '../../shared/model/job.ts';
import type { TaskStep } from '../../shared/model/task.ts';
import { Journal, type JournalledJob } from '../journal.ts';
import { runBackup } from './backup.ts';
import { type JobDeps, type JobOutput, JobRun } from './job-run.ts';
import { releaseLeftovers, releaseLocksOf } from './leftovers.ts';
import { runMaintenance } from './maintenance/all.ts';
import { withPatience } from './patience.ts';
import { runRestore } from './restore.ts';

/** How the runner reaches the engine, as far as there is one. */
export interface Upward {
  /** Resolves with true once the engine has acknowledged; false while there is no engine. */
  report(result: JobResult): Promise<boolean>;
  progress(progress: JobProgress): void;
}

const retryLeftoversMs = 60_000;

interface Running {
  run: JobRun;
  abort: AbortController;
  ended: Promise<void>;
}

/** Runs jobs and keeps their results until the engine has acknowledged them (DETAILS 8). */
export class JobRunner {
  private readonly deps: JobDeps;
  private readonly journal: Journal;
  private readonly upward: Upward;
  private readonly running = new Map<string, Running>();
  private readonly finished = new Map<string, JobResult>();
  private readonly retry: NodeJS.Timeout;

  constructor(deps: JobDeps, upward: Upward) {
    this.deps = deps;
    this.journal = new Journal(deps.identity.folder);
    this.upward = upward;
    this.retry = setInterval(() => {
      this.releaseDead().catch((error: unknown) => deps.log.error({ err: error }, 'removing leftovers failed'));
    }, retryLeftoversMs).unref();
  }

  get hasRunning(): boolean {
    return this.running.size > 0;
  }

  /** At start, before the agent reports online: what a dead agent left is removed and its jobs are closed (DETAILS 10). */
  async recover(): Promise<void> {
    await this.releaseDead();
  }

  /** Every job the engine has not acknowledged (DETAILS 9). */
  openJobs(): OpenJob[] {
    const running = [...this.running].map(([jobUuid, { run }]) => ({
      jobUuid,
      state: 'running' as const,
      step: run.step,
    }));
    const finished = [...this.finished].map(([jobUuid, result]) => ({
      jobUuid,
      state: result.error?.code === 'agentStopped' ? ('interrupted' as const) : ('finished' as const),
      step: result.step,
    }));
    return [...running, ...finished];
  }

  /** Returns once the job is journalled. The same job twice is one job. */
  async start(job: Job): Promise<void> {
    if (this.running.has(job.jobUuid) || this.finished.has(job.jobUuid)) return;
    const journal = await this.journal.begin(job.jobUuid, job.kind);
    const abort = new AbortController();
    const run = new JobRun(job.jobUuid, abort.signal, journal, (progress) => this.upward.progress(progress));
    const ended = this.execute(job, run).catch((error: unknown) =>
      this.deps.log.error({ err: error }, 'closing a job failed'),
    );
    this.running.set(job.jobUuid, { run, abort, ended });
  }

  /** @returns false when no such job is running */
  cancel(jobUuid: string): boolean {
    const running = this.running.get(jobUuid);
    running?.abort.abort(new AppError('cancelled', 'the task was cancelled'));
    return running !== undefined;
  }

  /** Sends every kept result again; called when the engine has come back. */
  async reportAll(): Promise<void> {
    for (const result of [...this.finished.values()]) await this.deliver(result);
  }

  /** Ends running jobs as stopped and waits until they have cleaned up. */
  async stop(): Promise<void> {
    clearInterval(this.retry);
    const running = [...this.running.values()];
    for (const { abort } of running)
      abort.abort(new AppError('agentStopped', 'the agent was stopped in the middle of the job'));
    await Promise.all(running.map(({ ended }) => ended));
  }

  private async execute(job: Job, run: JobRun): Promise<void> {
    const startedAt = Date.now();
    let output: JobOutput = { backup: null, restore: null, maintenance: null };
    let failure: unknown;
    try {
      await releaseLocksOf(job.repository, this.journal, this.deps.log);
      output = await withPatience(run, () => runJob(this.deps, job, run));
    } catch (error) {
      // Whatever an abort makes fail, the abort is the cause.
      failure = run.signal.aborted ? run.signal.reason : error;
      this.deps.log.warn({ err: error, jobUuid: run.jobUuid }, 'job failed');
    }
    run.stopReporting();
    const result = resultOf(job.kind, run, startedAt, output, failure);
    await this.journal.of(run.jobUuid).append({ event: 'result', result, at: Date.now() });
    this.finished.set(run.jobUuid, result);
    this.running.delete(run.jobUuid);
    await this.deliver(result);
  }

  private async deliver(result: JobResult): Promise<void> {
    if (!(await this.upward.report(result))) return;
    await this.journal.of(result.jobUuid).append({ event: 'acknowledged', at: Date.now() });
    this.finished.delete(result.jobUuid);
    await this.forget(result.jobUuid);
  }

  /** The journal of an acknowledged job goes, unless something it made is still there. */
  private async forget(jobUuid: string): Promise<void> {
    const jobs = await this.journal.list(() => undefined);
    const job = jobs.find((each) => each.jobUuid === jobUuid);
    if (job !== undefined && job.leftovers.length === 0) await this.journal.remove(jobUuid);
  }

  private async releaseDead(): Promise<void> {
    const jobs = await this.journal.list((name) =>
      this.deps.log.error({ name }, 'a journal file cannot be read; it stays'),
    );
    for (const job of jobs.filter(({ jobUuid }) => !this.running.has(jobUuid))) {
      const problems = await releaseLeftovers(job, this.journal, this.deps.roots, this.deps.log);
      if (job.acknowledged) {
        if (problems.length === 0) await this.journal.remove(job.jobUuid);
      } else if (!this.finished.has(job.jobUuid)) {
        const result = job.result ?? stoppedResult(job, problems);
        if (job.result === undefined)
          await this.journal.of(job.jobUuid).append({ event: 'result', result, at: Date.now() });
        this.finished.set(job.jobUuid, result);
      }
    }
  }
}

function runJob(deps: JobDeps, job: Job, run: JobRun): Promise<JobOutput> {
  switch (job.kind) {
    case 'backup':
      return runBackup(deps, job, run);
    case 'restore':
      return runRestore(deps, job, run);
    case 'maintenance':
      return runMaintenance(deps, job, run);
  }
}

function resultOf(kind: Job['kind'], run: JobRun, startedAt: number, output: JobOutput, failure: unknown): JobResult {
  const { jobUuid, step, bytesTotal, bytesRead, bytesStored, disks } = run.progress();
  const error = failure === undefined ? null : toWireError(failure);
  const good = run.warnings.length === 0 ? 'done' : 'warning';
  const outcome = failure === undefined ? good : hasCode(failure, 'cancelled') ? 'cancelled' : 'failed';
  const warnings = run.warnings.slice(0, 1000);
  return {
    jobUuid,
    kind,
    outcome,
    startedAt,
    endedAt: Date.now(),
    warnings,
    error,
    step,
    bytesTotal,
    bytesRead,
    bytesStored,
    disks,
    ...output,
  };
}

function stoppedResult(job: JournalledJob, problems: readonly string[]): JobResult {
  const step: TaskStep = job.step ?? 'preparing';
  return {
    jobUuid: job.jobUuid,
    kind: job.kind,
    outcome: 'failed',
    startedAt: job.startedAt,
    endedAt: Date.now(),
    warnings: problems.map((problem) => problem.slice(0, 4000)),
    error: toWireError(
      new AppError('agentStopped', `the agent stopped in the step ${step}; what the job had made was removed`),
    ),
    step,
    bytesTotal: null,
    bytesRead: 0,
    bytesStored: 0,
    disks: [],
    backup: null,
    restore: null,
    maintenance: null,
  };
}
