import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../shared/errors.ts';
import { staleLockHint } from '../repository/lock.ts';
import type { JobRun } from './job-run.ts';

/** How long a job waits for a foreign program that holds the repository (DESIGN §4). */
const patienceMs = 30 * 60_000;
const firstWaitMs = 500;
const longestWaitMs = 10_000;

/** Whether waiting may help: the holder of a stale lock never gives it back. */
function isHeld(error: unknown): boolean {
  return error instanceof AppError && error.code === 'repositoryLocked' && error.hint !== staleLockHint;
}

/**
 * Does the work of a job, from its beginning again when a foreign program has locked the repository. The queue keeps our
 * own tasks apart, so this is somebody's restic.
 * @throws AppError repositoryLocked after half an hour, cancelled, and what the work throws
 */
export async function withPatience<T>(run: JobRun, work: () => Promise<T>): Promise<T> {
  const end = Date.now() + patienceMs;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      return await work();
    } catch (error) {
      if (run.signal.aborted || !isHeld(error) || Date.now() + waitMs > end) throw error;
      run.startOver();
    }
    await run.enter('waitingForLock');
    // Agents that met the same lock must not meet each other again.
    await delay(waitMs * (0.5 + Math.random() / 2), undefined, { signal: run.signal }).catch(() => run.assertWanted());
  }
}
