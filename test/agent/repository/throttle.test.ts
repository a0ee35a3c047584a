import { describe, expect, it } from 'vitest';
import { Throttle } from '../../../agent/repository/throttle.ts';
import { BufferSource, testBytes } from '../../helpers/byte-sources.ts';
import { newRepository, storeDisk, underLock } from '../../helpers/repositories.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const { signal } = new AbortController();

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

describe('a throttle', () => {
  it('lets so many bytes pass per second, in order', async () => {
    const throttle = new Throttle(MiB);
    const order: number[] = [];
    const takes = [0, 1, 2, 3].map((i) => throttle.take(128 * KiB, signal).then(() => order.push(i)));
    const took = await seconds(() => Promise.all(takes));
    expect(took).toBeGreaterThan(0.45);
    expect(took).toBeLessThan(0.9);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('lets a read through that is longer than a second’s worth, and makes the next one wait for it', async () => {
    const throttle = new Throttle(4 * MiB);
    expect(await seconds(() => throttle.take(5 * MiB, signal))).toBeLessThan(1.4);
    expect(await seconds(() => throttle.take(1 * MiB, signal))).toBeGreaterThan(0.4);
  });

  it('stops waiting at once when it is cancelled, and lets others go on', async () => {
    const throttle = new Throttle(MiB);
    const abort = new AbortController();
    const first = throttle.take(64 * MiB, abort.signal);
    const second = throttle.take(KiB, signal);
    setTimeout(() => abort.abort(), 50);
    const took = await seconds(() => expect(first).rejects.toMatchObject({ code: 'cancelled' }));
    expect(took).toBeLessThan(0.5);
    await second;
    await expect(throttle.take(1, abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });
});

it('a writer reads no faster than it is told, all its disks together', async () => {
  const repository = await newRepository(new MemoryStorage());
  await underLock(repository, async (lock) => {
    const writer = repository.startSnapshot(lock, { signal, maxBytesPerSecond: 4 * MiB });
    const disks = [1, 2].map((seed) => new BufferSource(testBytes(3 * MiB, seed)));
    const took = await seconds(() => Promise.all(disks.map((disk) => storeDisk(writer, disk))));
    expect(took).toBeGreaterThan(1.3);
    expect(took).toBeLessThan(3);
    await writer.abort();
  });
});
