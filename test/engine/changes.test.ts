import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Changes } from '../../engine/changes.ts';
import { type Notice, noticeSchema } from '../../shared/contract/notice.ts';

let changes: Changes;
let heard: Notice[];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  changes = new Changes();
  heard = [];
  stop = changes.listen((notice) => heard.push(notice));
});
afterEach(() => vi.useRealTimers());

const progressOf = (id: number, bytesDone: number) => ({
  id,
  state: 'running' as const,
  step: null,
  percent: null,
  bytesTotal: null,
  bytesDone,
  bytesRead: 0,
  bytesStored: 0,
  speedBytesPerSecond: null,
  secondsLeft: null,
  disks: [],
});

test('the first change goes out at once, the next ones gathered, at most four a second', async () => {
  changes.announce('tasks', [1]);
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual([{ topic: 'tasks', ids: [1] }]);
  for (let n = 0; n < 1000; n++) {
    changes.announce('tasks', [n % 3]);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(heard.length).toBeLessThanOrEqual(5);
  expect(heard.length).toBeGreaterThan(2);
  expect(heard.at(-1)).toEqual({ topic: 'tasks', ids: expect.arrayContaining([0, 1, 2]) as number[] });
});

test('"everything" is not narrowed by a later number', async () => {
  changes.announce('rules');
  changes.announce('rules', [3]);
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual([{ topic: 'rules' }]);
});

test('topics do not wait for each other', async () => {
  changes.announce('tasks', [1]);
  await vi.advanceTimersByTimeAsync(0);
  changes.announce('tasks', [2]);
  changes.announce('pools');
  await vi.advanceTimersByTimeAsync(0);
  expect(heard.map(({ topic }) => topic)).toEqual(['tasks', 'pools']);
});

test('progress carries the newest figures of each task', async () => {
  changes.announceProgress(progressOf(1, 10));
  changes.announceProgress(progressOf(2, 5));
  changes.announceProgress(progressOf(1, 20));
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toHaveLength(1);
  expect(noticeSchema.parse(heard[0])).toEqual(heard[0]);
  expect(heard[0]?.progress?.map(({ id, bytesDone }) => [id, bytesDone])).toEqual([
    [1, 20],
    [2, 5],
  ]);
});

test('whoever stopped listening hears nothing, and after the stop nobody does', async () => {
  const other = vi.fn();
  changes.listen(other);
  stop();
  changes.announce('logs');
  await vi.advanceTimersByTimeAsync(0);
  expect([heard.length, other.mock.calls.length]).toEqual([0, 1]);
  changes.announce('logs');
  changes.stop();
  await vi.advanceTimersByTimeAsync(1000);
  expect(other).toHaveBeenCalledTimes(1);
});
