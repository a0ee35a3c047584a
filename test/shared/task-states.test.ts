import { describe, expect, test } from 'vitest';
import {
  isEnded,
  mayMove,
  stepsOf,
  taskKinds,
  taskMoves,
  type TaskState,
  taskStates,
} from '../../shared/model/task.ts';

const ends: TaskState[] = ['done', 'warning', 'failed', 'cancelled', 'skipped'];

function reachable(from: TaskState): Set<TaskState> {
  const found = new Set<TaskState>([from]);
  for (const state of found) for (const next of taskMoves[state]) found.add(next);
  return found;
}

test('a task never leaves an end', () => {
  expect(taskStates.filter(isEnded)).toEqual(ends);
  for (const end of ends) for (const state of taskStates) expect(mayMove(end, state)).toBe(false);
});

test('every state can be reached from new, and can reach an end', () => {
  expect(reachable('new')).toEqual(new Set(taskStates));
  for (const state of taskStates) expect([...reachable(state)].some(isEnded)).toBe(true);
});

test('no state follows itself', () => {
  for (const state of taskStates) expect(mayMove(state, state)).toBe(false);
});

describe('what an operator may count on', () => {
  test('every open task can end as failed or cancelled', () => {
    for (const state of taskStates.filter((each) => !isEnded(each)))
      for (const end of ['failed', 'cancelled'] as const) expect([state, mayMove(state, end)]).toEqual([state, true]);
  });

  test('a cancelled wish is not forgotten: cancelling never goes back to work', () => {
    expect(taskMoves.cancelling).not.toContain('running');
    expect(taskMoves.cancelling).not.toContain('pending');
  });

  test('a task on an agent is lost to unknown only, and comes back from there', () => {
    for (const state of ['assigned', 'running', 'finalising', 'cancelling'] as const)
      expect([state, mayMove(state, 'unknown')]).toEqual([state, true]);
    for (const state of ['running', 'finalising', 'cancelling', 'done'] as const)
      expect([state, mayMove('unknown', state)]).toEqual([state, true]);
    expect(mayMove('unknown', 'pending')).toBe(false);
  });
});

test('steps begin with preparing and end with finalising, each once', () => {
  for (const kind of taskKinds) {
    const steps = stepsOf({ kind, steps: [] });
    expect([steps[0], steps.at(-1)]).toEqual(['preparing', 'finalising']);
    expect(new Set(steps).size).toBe(steps.length);
  }
  const waited = [{ step: 'preparing' }, { step: 'waitingForLock' }] as const;
  expect(stepsOf({ kind: 'prune', steps: waited })).toEqual([
    'waitingForLock',
    ...stepsOf({ kind: 'prune', steps: [] }),
  ]);
});
