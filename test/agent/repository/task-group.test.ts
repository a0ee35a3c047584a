import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { freeMemory, freeWhole } from '../../../agent/repository/memory.ts';
import { Slots } from '../../../agent/repository/slots.ts';
import { TaskGroup } from '../../../agent/repository/task-group.ts';

describe('TaskGroup', () => {
  it('runs no more tasks at a time than it may, and waits for all', async () => {
    const group = new TaskGroup(3, new AbortController().signal);
    let running = 0;
    let most = 0;
    let done = 0;
    for (let i = 0; i < 12; i++) {
      await group.start(async () => {
        most = Math.max(most, ++running);
        await sleep(2);
        running--;
        done++;
      });
    }
    await group.finish();
    expect([most, done]).toEqual([3, 12]);
  });

  it('fails with the first failure, after everything that was started has ended', async () => {
    const group = new TaskGroup(2, new AbortController().signal);
    let ended = false;
    await group.start(async () => {
      await sleep(20);
      ended = true;
    });
    await group.start(() => Promise.reject(new Error('first')));
    await expect(group.start(() => Promise.resolve())).rejects.toThrow('first');
    await expect(group.finish()).rejects.toThrow('first');
    expect(ended).toBe(true);
    await group.settle();
  });

  it('starts nothing after an abort', async () => {
    const group = new TaskGroup(1, AbortSignal.abort());
    await expect(group.start(() => expect.fail('started'))).rejects.toMatchObject({ code: 'cancelled' });
    await expect(group.finish()).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('Slots', () => {
  it('are served in order and given back after a failure', async () => {
    const slots = new Slots(1);
    const order: number[] = [];
    const runs = [1, 2, 3].map((n) =>
      slots.run(async () => {
        order.push(n);
        await sleep(1);
        if (n === 2) throw new Error('two');
      }),
    );
    expect((await Promise.allSettled(runs)).map((run) => run.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(order).toEqual([1, 2, 3]);
  });
});

describe('freeMemory', () => {
  it('empties a buffer that stands alone and leaves shared and small ones', () => {
    const alone = Buffer.allocUnsafeSlow(100_000);
    freeMemory(alone);
    expect(alone.length).toBe(0);
    const shared = Buffer.allocUnsafeSlow(200_000).subarray(100_000);
    freeMemory(shared);
    expect(shared.length).toBe(100_000);
    const small = Buffer.alloc(10);
    freeMemory(small);
    expect(small.length).toBe(10);
    const beginning = Buffer.allocUnsafeSlow(200_000).subarray(0, 100_000);
    freeMemory(beginning);
    expect(beginning.length).toBe(100_000);
    freeWhole(beginning);
    expect(beginning.length).toBe(0);
  });
});
