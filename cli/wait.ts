import type { TaskView } from '../shared/contract/engine/tasks.ts';
import { AppError, hasCode } from '../shared/errors.ts';
import { isEnded, type TaskState } from '../shared/model/task.ts';
import { connect, type EnginePeer } from './connect.ts';
import { loadCredentials } from './credentials.ts';
import { bytes, isJson, note } from './output.ts';
import { readReasons } from './read-reasons.ts';

/** Without contact for this long the wait gives up (DESIGN §9). */
const reconnectMs = 60_000;

/** Exit code for the end of a task: 0 done, 1 failed or cancelled, 4 warning or skipped. */
export function exitCodeOfState(state: TaskState): number {
  return state === 'done' ? 0 : state === 'warning' || state === 'skipped' ? 4 : 1;
}

/** Waits until every task has ended, across lost connections. @throws AppError engineUnreachable after 60 s without contact */
export async function waitForTasks(ids: readonly number[]): Promise<TaskView[]> {
  let lastContact = Date.now();
  for (;;) {
    try {
      const engine = await connect(await loadCredentials());
      try {
        return await follow(engine, ids, () => {
          lastContact = Date.now();
        });
      } finally {
        engine.close();
      }
    } catch (error) {
      if (!hasCode(error, 'engineUnreachable') && !hasCode(error, 'connectionLost')) throw error;
      if (Date.now() - lastContact > reconnectMs) {
        throw new AppError(
          'engineUnreachable',
          'no contact to the engine for 60 s; the task goes on without this command',
          { cause: error },
        );
      }
      await sleep(1000);
    }
  }
}

async function follow(engine: EnginePeer, ids: readonly number[], contact: () => void): Promise<TaskView[]> {
  let wake: () => void = () => undefined;
  engine.onNotice((notice) => {
    if (notice.topic === 'tasks' || notice.topic === 'progress') wake();
  });
  for (;;) {
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const tasks = await Promise.all(
      ids.map((id) => engine.call('tasks.get', { task: String(id) }, { timeoutMs: 30_000 })),
    );
    contact();
    showProgress(tasks);
    if (tasks.every((task) => isEnded(task.state))) return tasks;
    // The timer alone must not keep the program alive.
    await Promise.race([changed, sleep(5000, false)]);
  }
}

function showProgress(tasks: readonly TaskView[]): void {
  if (!process.stderr.isTTY || isJson()) return;
  const line = tasks.map((task) => {
    const percent = task.percent ?? 0;
    const bar = '█'.repeat(Math.round(percent / 5)).padEnd(20, '░');
    const speed = task.speedBytesPerSecond === null ? '' : ` ${bytes(task.speedBytesPerSecond)}/s`;
    return `${task.id} ${task.state} ${task.step ?? ''} ${bar} ${percent.toFixed(1)} %${speed}`;
  });
  process.stderr.write(`\r\u001b[K${line.join(' | ')}${tasks.every((task) => isEnded(task.state)) ? '\n' : ''}`);
}

/** The words for an ended task on standard error. */
export function explain(task: TaskView): void {
  for (const sentence of readReasons(task)) note(`task ${task.id}: ${sentence}`);
  // Maintenance has no VM that tells one task from the next: the place of the repository does.
  const where = task.objectId === null && task.repository !== null ? ` at ${task.repository.place}` : '';
  for (const warning of task.warnings) note(`task ${task.id}${where}: ${warning}`);
  if (task.error !== null) note(`task ${task.id}${where} ${task.state}: ${task.error.code}: ${task.error.message}`);
}

function sleep(ms: number, ref = true): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    if (!ref) timer.unref();
  });
}
