import { z } from 'zod';
import { maintenanceKinds } from './maintenance.ts';

/** States of a task (DESIGN §5). */
export const taskStates = [
  'new',
  'pending',
  'assigned',
  'running',
  'finalising',
  'cancelling',
  'waiting-to-retry',
  'unknown',
  'done',
  'warning',
  'failed',
  'cancelled',
  'skipped',
] as const;
export const taskStateSchema = z.enum(taskStates);
export type TaskState = z.output<typeof taskStateSchema>;

const ends = ['done', 'warning', 'failed', 'cancelled', 'skipped'] as const;
const live = ['unknown', 'cancelling', ...ends] as const;

/** Which state may follow which; the task queue is the only writer. */
export const taskMoves: Record<TaskState, readonly TaskState[]> = {
  new: ['pending', 'failed', 'cancelled', 'skipped'],
  pending: ['assigned', 'failed', 'cancelled', 'skipped'],
  assigned: ['running', 'pending', 'finalising', ...live],
  running: ['finalising', 'waiting-to-retry', ...live],
  finalising: live,
  cancelling: ['unknown', ...ends],
  'waiting-to-retry': ['pending', 'failed', 'cancelled'],
  unknown: ['assigned', 'running', 'finalising', 'cancelling', ...ends],
  done: [],
  warning: [],
  failed: [],
  cancelled: [],
  skipped: [],
};

/** True for the states a task never leaves. */
export function isEnded(state: TaskState): boolean {
  return taskMoves[state].length === 0;
}

/** True when the state machine allows the step. */
export function mayMove(from: TaskState, to: TaskState): boolean {
  return taskMoves[from].includes(to);
}

export const taskKinds = ['backup', 'restore', ...maintenanceKinds] as const;
export const taskKindSchema = z.enum(taskKinds);
export type TaskKind = z.output<typeof taskKindSchema>;

/** Steps of a backup (DETAILS 26) and of a restore; described in docs/steps.md. */
export const backupSteps = [
  'preparing',
  'configuration',
  'queryingChanges',
  'checkingData',
  'copyingData',
  'finalising',
] as const;
export const restoreSteps = ['preparing', 'configuration', 'writingData', 'finalising'] as const;
/** Reads, then perhaps writes, then lets go. */
export const maintenanceSteps = ['preparing', 'checkingData', 'writingData', 'finalising'] as const;
const readingSteps = ['preparing', 'checkingData', 'finalising'] as const;
/** Only when a foreign program has locked the repository; the task then begins again. */
const waitingStep = 'waitingForLock';
export const stepSchema = z.enum([...backupSteps, 'writingData', waitingStep]);
export type TaskStep = z.output<typeof stepSchema>;

/** The steps that a task passes or has passed, in order. */
export function stepsOf(task: { kind: TaskKind; steps: ReadonlyArray<{ step: TaskStep }> }): readonly TaskStep[] {
  const hasWaited = task.steps.some(({ step }) => step === waitingStep);
  return hasWaited ? [waitingStep, ...usualSteps(task.kind)] : usualSteps(task.kind);
}

function usualSteps(kind: TaskKind): readonly TaskStep[] {
  if (kind === 'backup') return backupSteps;
  if (kind === 'restore') return restoreSteps;
  return kind === 'prune' || kind === 'rebuildIndex' ? maintenanceSteps : readingSteps;
}
