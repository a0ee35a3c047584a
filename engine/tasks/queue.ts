import { AppError, hasCode, toWireError } from '../../shared/errors.ts';
import type { OpenJob } from '../../shared/contract/manager/all.ts';
import type { JobProgress, JobResult } from '../../shared/model/job.ts';
import { isEnded, mayMove } from '../../shared/model/task.ts';
import type { JobEvents } from '../agents/job-events.ts';
import { type ClientRow, getClient } from '../database/clients.ts';
import { insertLog } from '../database/logs.ts';
import type { TaskRow } from '../database/task-row.ts';
import {
  findTaskByJob,
  getTask,
  insertTask,
  listOpenTasks,
  moveTask,
  type NewTask,
  updateTask,
} from '../database/tasks.ts';
import { findBackupIds } from '../database/backups.ts';
import { chooseClient, type Others } from './choose-client.ts';
import { allKinds } from './kinds/all.ts';
import { placeOfTask } from './kinds/repository-target.ts';
import { LiveProgress } from './live-progress.ts';
import { commitResult } from './results.ts';
import { occupiesSlot } from './slots.ts';
import { enterStep } from './steps.ts';
import type { TaskDeps } from './task-deps.ts';

/** Progress is written to the database on a change of step or this often (DESIGN §4). */
const storeEveryMs = 5000;
const startTimeoutMs = 30_000;

/** The task queue: the only writer of task states. */
export class TaskQueue implements JobEvents {
  readonly progress = new LiveProgress();
  private readonly deps: TaskDeps;
  private readonly storedAt = new Map<number, number>();
  private turn: Promise<void> = Promise.resolve();
  private adding: Promise<unknown> = Promise.resolve();
  /** Work that nobody but stop() waits for. */
  private readonly detached = new Set<Promise<void>>();
  private stopped = false;

  constructor(deps: TaskDeps) {
    this.deps = deps;
  }

  /** After a restart: what was under way is unknown until its client says what became of it. */
  async resume(): Promise<void> {
    for (const task of await listOpenTasks(this.deps.db)) {
      if (task.state === 'new') await moveTask(this.deps.db, task, 'pending');
      else if (occupiesSlot(task) && task.state !== 'unknown') await this.loseContact(task);
    }
    this.poke();
  }

  /** Begins nothing more and waits for what was begun; the links must be closed already. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.turn;
    await Promise.all(this.detached);
  }

  /** Adds a task; a backup of a VM that is being backed up already is *skipped*, which is no error (DESIGN §5). */
  add(task: NewTask): Promise<TaskRow> {
    // One after another: two at once would not see each other.
    const added = this.adding.then(() => this.insert(task));
    this.adding = added.catch(() => undefined);
    return added;
  }

  private async insert(task: NewTask): Promise<TaskRow> {
    const { db } = this.deps;
    const running =
      task.kind === 'backup'
        ? (await listOpenTasks(db)).find((open) => open.kind === 'backup' && open.objectId === task.objectId)
        : undefined;
    const row = await insertTask(db, task);
    if (running === undefined) await moveTask(db, row, 'pending');
    else
      await moveTask(db, row, 'skipped', {
        warnings: JSON.stringify([`task ${running.id} is backing up this VM already`]),
      });
    this.changed(row.id);
    this.poke();
    return getTask(db, row.id);
  }

  /** Cancels; a running task is `cancelled` only after its agent has reported everything gone. */
  async cancel(id: number, by: string): Promise<TaskRow> {
    const { db } = this.deps;
    const task = await getTask(db, id);
    if (isEnded(task.state)) return task;
    await updateTask(db, id, { cancel_requested: 1 });
    await insertLog(db, {
      level: 'info',
      source: 'task',
      message: `task ${id} is being cancelled`,
      user: by,
      taskId: id,
    });
    if (mayMove(task.state, 'cancelling')) await moveTask(db, task, 'cancelling', { waiting_for: null });
    else if (task.state !== 'cancelling') await moveTask(db, task, 'cancelled');
    await this.sendCancel(await getTask(db, id));
    this.changed(id);
    this.poke();
    return getTask(db, id);
  }

  /** Closes a task whose agent will not come back. A late result still makes its point (DESIGN §5). */
  async abandon(id: number, by: string): Promise<TaskRow> {
    const { db } = this.deps;
    const task = await getTask(db, id);
    if (task.state !== 'unknown' && task.state !== 'cancelling') {
      throw new AppError(
        'invalidValue',
        `task ${id} is ${task.state}; only a task in state unknown or cancelling can be abandoned`,
      );
    }
    const error = toWireError(new AppError('jobLost', `abandoned by ${by}`));
    await moveTask(db, task, 'failed', { error: JSON.stringify(error) });
    this.ended(task);
    return getTask(db, id);
  }

  async connected(clientId: number, jobs: readonly OpenJob[]): Promise<void> {
    const { db } = this.deps;
    const listed = new Map(jobs.map((job) => [job.jobUuid, job]));
    for (const task of await listOpenTasks(db)) {
      if (task.clientId !== clientId || !occupiesSlot(task)) continue;
      const job = listed.get(task.jobUuid);
      if (job === undefined && task.state === 'cancelling') await this.close(task, 'cancelled');
      else if (job === undefined)
        await this.fail(task, new AppError('jobLost', 'the agent does not know this job any more'));
      // Finished and interrupted jobs are reported by the agent in a moment.
      else if (mayMove(task.state, 'running')) await moveTask(db, task, 'running', { waiting_for: null });
      if (job !== undefined && task.cancelRequested) setImmediate(() => this.detach(this.sendCancel(task)));
      this.changed(task.id);
    }
    setImmediate(() => this.poke());
  }

  async disconnected(clientId: number): Promise<void> {
    for (const task of await listOpenTasks(this.deps.db)) {
      if (task.clientId === clientId && occupiesSlot(task)) await this.loseContact(task);
    }
    this.poke();
  }

  async reported(clientId: number, result: JobResult): Promise<void> {
    const task = await commitResult(this.deps.db, clientId, result);
    if (result.backup !== null)
      for (const topic of ['backups', 'objects', 'pools'] as const) this.deps.changes.announce(topic);
    if (task !== undefined) this.ended(task);
    this.deps.changes.announce('logs');
  }

  async progressed(clientId: number, progress: JobProgress): Promise<void> {
    const { db, changes } = this.deps;
    const task = await findTaskByJob(db, progress.jobUuid);
    if (task === undefined || task.clientId !== clientId || isEnded(task.state)) return;
    this.progress.update(task.id, progress);
    const newStep = task.step !== progress.step;
    if (newStep || Date.now() - (this.storedAt.get(task.id) ?? 0) >= storeEveryMs) await this.store(task, progress);
    if (newStep) this.changed(task.id);
    const bases = await findBackupIds(db, this.progress.basesOf(task));
    changes.announceProgress(this.progress.viewOf(await getTask(db, task.id), bases));
  }

  /** Looks again whether a waiting task can begin. Calls are strung together, so that no slot is given twice. */
  poke(): void {
    this.turn = this.turn
      .then(() => (this.stopped ? undefined : this.assignWaiting()))
      .catch((error: unknown) => this.deps.log.error({ err: error }, 'assigning tasks failed'));
  }

  private detach(work: Promise<void>): void {
    const watched = work
      .catch((error: unknown) => this.deps.log.error({ err: error }, 'the task queue failed'))
      .finally(() => this.detached.delete(watched));
    this.detached.add(watched);
  }

  private async assignWaiting(): Promise<void> {
    const open = await listOpenTasks(this.deps.db);
    const occupying = open.filter(occupiesSlot);
    let place = 0;
    const waiting = open.filter((candidate) => candidate.state === 'pending');
    for (const task of waiting) {
      place += 1;
      const chosen = await this.choose(task, { occupying, waiting, place });
      if (chosen === undefined) continue;
      const assigned = { ...task, state: 'assigned' as const, clientId: chosen.id };
      if (!(await moveTask(this.deps.db, task, 'assigned', { client_id: chosen.id, waiting_for: null }))) continue;
      occupying.push(assigned);
      place -= 1;
      this.changed(task.id);
      this.detach(this.start(assigned, chosen));
    }
  }

  /** The client that takes the task now; undefined when it waits (its row then says for what) or has failed. */
  private async choose(task: TaskRow, others: Others): Promise<ClientRow | undefined> {
    try {
      const chosen = await chooseClient(this.deps, task, others);
      if (typeof chosen !== 'string') return chosen;
      await this.wait(task, chosen);
    } catch (error) {
      await this.fail(task, error);
    }
    return undefined;
  }

  private async wait(task: TaskRow, reason: string): Promise<void> {
    if (task.waitingFor === reason) return;
    await updateTask(this.deps.db, task.id, { waiting_for: reason });
    this.changed(task.id);
  }

  private async start(task: TaskRow, client: ClientRow): Promise<void> {
    const { db, registry, log } = this.deps;
    try {
      const { repository } = await placeOfTask(this.deps, task, client.id);
      await updateTask(db, task.id, { repository_id: repository.id });
      const job = await allKinds[task.kind].buildJob(this.deps, { ...task, repositoryId: repository.id }, client);
      await registry.get(client.id, client.name).call('jobs.start', { job }, { timeoutMs: startTimeoutMs });
      await moveTask(db, task, 'running', { started_at: Date.now() });
      await insertLog(db, {
        level: 'info',
        source: 'task',
        message: `task ${task.id} (${task.kind}) runs on ${client.name}`,
        taskId: task.id,
        clientId: client.id,
      });
      const now = await getTask(db, task.id);
      if (now.cancelRequested) await this.sendCancel(now);
      this.changed(task.id);
    } catch (error) {
      log.warn({ err: error, taskId: task.id }, 'starting a job failed');
      const current = await getTask(db, task.id);
      if (isEnded(current.state)) return;
      if (hasCode(error, 'connectionLost') || hasCode(error, 'timeout')) await this.loseContact(current);
      else if (hasCode(error, 'clientOffline') && current.state === 'assigned')
        await moveTask(db, current, 'pending', { client_id: null, repository_id: null });
      else await this.fail(current, error);
    }
  }

  private async sendCancel(task: TaskRow): Promise<void> {
    if (task.clientId === null || isEnded(task.state)) return;
    try {
      const client = await getClient(this.deps.db, task.clientId);
      await this.deps.registry
        .get(client.id, client.name)
        .call('jobs.cancel', { jobUuid: task.jobUuid }, { timeoutMs: 10_000 });
    } catch (error) {
      // The wish is stored: it is sent again when the client is back.
      await updateTask(this.deps.db, task.id, { waiting_for: `its client: ${toWireError(error).message}` });
    }
  }

  private async loseContact(task: TaskRow): Promise<void> {
    if (task.state === 'unknown') return;
    const columns = { waiting_for: 'its client to come back and say what became of the job' };
    if (task.state === 'cancelling') await updateTask(this.deps.db, task.id, columns);
    else await moveTask(this.deps.db, task, 'unknown', columns);
    this.progress.forget(task.id);
    this.changed(task.id);
  }

  private async close(task: TaskRow, state: 'cancelled'): Promise<void> {
    await moveTask(this.deps.db, task, state);
    this.ended(task);
  }

  private async fail(task: TaskRow, error: unknown): Promise<void> {
    const { db } = this.deps;
    const wire = toWireError(error);
    await moveTask(db, task, 'failed', { error: JSON.stringify(wire) });
    await insertLog(db, {
      level: 'error',
      source: 'task',
      code: wire.code,
      message: `task ${task.id} (${task.kind}) failed: ${wire.message}`,
      taskId: task.id,
      clientId: task.clientId,
    });
    this.ended(task);
  }

  private async store(task: TaskRow, progress: JobProgress): Promise<void> {
    this.storedAt.set(task.id, Date.now());
    await updateTask(this.deps.db, task.id, {
      step: progress.step,
      bytes_total: progress.bytesTotal,
      bytes_done: progress.bytesDone,
      bytes_read: progress.bytesRead,
      bytes_stored: progress.bytesStored,
      steps: JSON.stringify(enterStep(task.steps, progress.step, Date.now())),
      disks: JSON.stringify(progress.disks),
    });
    if (progress.step === 'finalising' && task.state === 'running') await moveTask(this.deps.db, task, 'finalising');
  }

  private ended(task: TaskRow): void {
    this.progress.forget(task.id);
    this.storedAt.delete(task.id);
    this.changed(task.id);
    this.deps.changes.announce('logs');
    this.poke();
  }

  private changed(taskId: number): void {
    for (const topic of ['tasks', 'rules', 'objects'] as const)
      this.deps.changes.announce(topic, topic === 'tasks' ? [taskId] : undefined);
  }
}
