import { expect, it } from 'vitest';
import { RunCursor, RunList } from '../../../agent/repository/run-list.ts';

it('joins runs that touch and holds thousands', () => {
  const runs = new RunList();
  runs.add(0, 5);
  runs.add(5, 7);
  expect([runs.count, runs.start(0), runs.end(0)]).toEqual([1, 0, 7]);
  for (let i = 1; i <= 5000; i++) runs.add(i * 2 ** 40, i * 2 ** 40 + 1);
  expect([runs.count, runs.start(5000), runs.end(5000)]).toEqual([5001, 5000 * 2 ** 40, 5000 * 2 ** 40 + 1]);
});

it('answers questions that go forward', () => {
  const runs = new RunList();
  for (const [start, end] of [
    [10, 20],
    [30, 31],
  ] as const)
    runs.add(start, end);
  const cursor = new RunCursor(runs);
  expect(cursor.touches(0, 10)).toBe(false);
  expect(cursor.touches(0, 11)).toBe(true);
  expect(cursor.touches(15, 16)).toBe(true);
  expect(cursor.next(15)).toBe(15);
  expect(cursor.touches(20, 30)).toBe(false);
  expect(cursor.next(20)).toBe(30);
  expect(cursor.touches(30, 31)).toBe(true);
  expect(cursor.next(31)).toBe(Infinity);
});
