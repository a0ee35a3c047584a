import type { TaskStep } from '../../shared/model/task.ts';
import type { TaskSteps } from '../database/task-row.ts';

/** Notes that a task is in `step` now; the earlier one ends. */
export function enterStep(steps: TaskSteps, step: TaskStep, at: number): TaskSteps {
  if (steps.at(-1)?.step === step) return steps;
  return [...endSteps(steps, at), { step, startedAt: at, endedAt: null }];
}

/** Closes the open step. */
export function endSteps(steps: TaskSteps, at: number): TaskSteps {
  return steps.map((step) => (step.endedAt === null ? { ...step, endedAt: at } : step));
}
