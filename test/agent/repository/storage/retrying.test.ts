import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../../agent/repository/lock.ts';
import { RetryingStorage, type RetryOptions } from '../../../../agent/repository/storage/retrying.ts';
import type { FileType, Storage, StoredFile } from '../../../../agent/repository/storage/storage.ts';
import { AppError } from '../../../../shared/errors.ts';
import { MemoryStorage } from '../../../fakes/memory-storage.ts';
import { storageSuite } from '../../../suites/storage-suite.ts';

const name = 'ab'.repeat(32);
const parts = [Buffer.from('hello '), Buffer.from('world')];

/** Time that passes only by sleeping. */
class FakeClock implements Clock {
  time = 0;
  readonly slept: number[] = [];
  now(): number {
    return this.time;
  }
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(new Error('aborted'));
    this.slept.push(ms);
    this.time += ms;
    return Promise.resolve();
  }
}

class FlakyStorage extends MemoryStorage {
  /** What the next calls fail with, one after the other. */
  readonly failures: Error[] = [];
  /** Rows that a listing hands out before it fails. */
  rowsBefore = 0;
  /** The write is done before it fails. */
  failsAfterwards = false;
  closed = 0;

  fail(times: number, code: 'storageFailed' | 'storageFull' = 'storageFailed'): this {
    for (let n = 1; n <= times; n++) this.failures.push(new AppError(code, `failure ${n}`, { hint: 'wait' }));
    return this;
  }

  #trip(): void {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }

  override async isEmpty(): Promise<boolean> {
    this.#trip();
    return super.isEmpty();
  }

  override async readConfig(): Promise<Buffer | undefined> {
    this.#trip();
    return super.readConfig();
  }

  override async writeConfig(bytes: Uint8Array): Promise<void> {
    if (!this.failsAfterwards) this.#trip();
    await super.writeConfig(bytes);
    this.#trip();
  }

  override async *list(type: FileType): AsyncIterable<StoredFile> {
    let rows = 0;
    for await (const row of super.list(type)) {
      if (rows++ === this.rowsBefore) this.#trip();
      yield row;
    }
    this.#trip();
  }

  override async size(type: FileType, file: string): Promise<number> {
    this.#trip();
    return super.size(type, file);
  }

  override async read(type: FileType, file: string): Promise<Buffer> {
    this.#trip();
    return super.read(type, file);
  }

  override async write(type: FileType, file: string, bytes: readonly Uint8Array[]): Promise<void> {
    if (!this.failsAfterwards) this.#trip();
    await super.write(type, file, bytes);
    this.#trip();
  }

  override async remove(type: FileType, file: string): Promise<void> {
    this.#trip();
    await super.remove(type, file);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

function retrying(options: RetryOptions = {}) {
  const [flaky, clock, log] = [new FlakyStorage(), new FakeClock(), [] as string[]];
  const push = (line: string) => log.push(line);
  const storage = new RetryingStorage(flaky, { clock, random: () => 0, log: push, ...options });
  return { flaky, clock, log, storage };
}

async function rowsOf(files: AsyncIterable<StoredFile>): Promise<string[]> {
  const names: string[] = [];
  for await (const file of files) names.push(file.name);
  return names;
}

storageSuite('retrying', () => Promise.resolve(new RetryingStorage(new MemoryStorage())));

describe('retrying storage', () => {
  it('tries again with doubling waits up to a minute', async () => {
    const { flaky, clock, log, storage } = retrying();
    flaky.fail(9);
    expect(await storage.isEmpty()).toBe(true);
    expect(clock.slept).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(log[0]).toBe('could not look into (try 1, again in 1000 ms): failure 1');
  });

  it('spreads the waits between half and the whole', async () => {
    const { flaky, clock, storage } = retrying({ random: () => 0.5, firstDelayMs: 100 });
    flaky.fail(2);
    await storage.isEmpty();
    expect(clock.slept).toEqual([75, 150]);
  });

  it('gives up after the total time and says how often it tried', async () => {
    const { flaky, clock, storage } = retrying({ maxTotalMs: 10_000 });
    flaky.fail(99);
    const read = storage.read('data', name);
    await expect(read).rejects.toMatchObject({ code: 'storageFailed', hint: 'wait' });
    await expect(read).rejects.toThrow(`could not read data/${name}, tried 4 times in 7 s: failure 4`);
    expect(clock.time).toBe(7000);
  });

  it('does not repeat what is permanent', async () => {
    const { flaky, clock, storage } = retrying();
    flaky.fail(1, 'storageFull');
    await expect(storage.write('data', name, parts)).rejects.toMatchObject({ code: 'storageFull' });
    await expect(storage.size('data', name)).rejects.toMatchObject({ code: 'notFound' });
    expect(clock.slept).toEqual([]);
  });

  it('waits no longer than the signal lets it', async () => {
    const stop = new AbortController();
    const { flaky, storage } = retrying({ signal: stop.signal });
    flaky.fail(1);
    stop.abort();
    await expect(storage.remove('lock', name)).rejects.toMatchObject({ code: 'cancelled' });
    await expect(storage.remove('lock', name)).resolves.toBeUndefined();
    const reason = new AppError('lockLost', 'gone');
    const other = retrying({ signal: AbortSignal.abort(reason) });
    other.flaky.fail(1);
    await expect(other.storage.isEmpty()).rejects.toBe(reason);
  });

  it('ends a wait in the middle, with the real clock', async () => {
    const stop = new AbortController();
    const flaky = new FlakyStorage().fail(1);
    const storage = new RetryingStorage(flaky, { signal: stop.signal });
    setTimeout(() => stop.abort(), 20);
    await expect(storage.isEmpty()).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('repeats a write that failed, and asks for the size first', async () => {
    const { flaky, storage } = retrying();
    flaky.fail(2);
    await storage.write('data', name, parts);
    expect(flaky.written).toEqual([`data/${name}`]);
    expect((await storage.read('data', name)).toString()).toBe('hello world');
  });

  it('takes a write for done when the file is there in full after an unknown outcome', async () => {
    const { flaky, storage } = retrying();
    flaky.failsAfterwards = true;
    await Promise.resolve(flaky.fail(1));
    await storage.write('data', name, parts);
    flaky.fail(1);
    await storage.writeConfig(Buffer.from('c'));
    expect(flaky.written).toEqual([`data/${name}`, 'config']);
  });

  it('writes again over a file of another size', async () => {
    const { flaky, storage } = retrying();
    flaky.files.data.set(name, Buffer.from('hel'));
    flaky.fail(1);
    await storage.write('data', name, parts);
    expect(flaky.files.data.get(name)?.toString()).toBe('hello world');
  });

  it('keeps the parts until the write is over', async () => {
    const { flaky, storage } = retrying();
    let calls = 0;
    flaky.failsAfterwards = true;
    flaky.fail(1);
    const wrapped: Storage = storage;
    await wrapped.write('data', name, parts, () => calls++);
    expect(calls).toBe(0);
  });

  it('starts a listing anew only before its first row', async () => {
    const { flaky, clock, storage } = retrying();
    const names = ['1', '2', '3'].map((digit) => digit.repeat(64));
    for (const one of names) await flaky.write('data', one, parts);
    flaky.fail(2);
    expect(await rowsOf(storage.list('data'))).toEqual(names);
    expect(clock.slept).toEqual([1000, 2000]);
    flaky.rowsBefore = 1;
    flaky.fail(1);
    await expect(rowsOf(storage.list('data'))).rejects.toThrow('failure 1');
    flaky.fail(1);
    expect(await rowsOf(storage.list('snapshot'))).toEqual([]);
  });

  it('ends a listing that is left early', async () => {
    const { flaky, storage } = retrying();
    await flaky.write('data', name, parts);
    flaky.rowsBefore = -1;
    for await (const file of storage.list('data')) {
      expect(file.name).toBe(name);
      break;
    }
    expect(await storage.readConfig()).toBeUndefined();
  });

  it('shows what it wraps, and closes it', async () => {
    const { flaky, storage } = retrying();
    expect([storage.location, storage.connections, storage.sending]).toEqual(['memory', 2, 2]);
    await storage.close();
    expect(flaky.closed).toBe(1);
    await new RetryingStorage(new MemoryStorage()).close();
  });
});
