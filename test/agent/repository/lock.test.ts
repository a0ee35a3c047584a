import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { SealingKey } from '../../../agent/repository/cipher.ts';
import { type Clock, type LockOptions, RepositoryLock } from '../../../agent/repository/lock.ts';
import { encodeLock, isStale, listLocks, removeStaleLock } from '../../../agent/repository/lock-file.ts';
import { sealUnpacked } from '../../../agent/repository/unpacked.ts';
import { AppError } from '../../../shared/errors.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';
import { BufferSource, testBytes } from '../../helpers/byte-sources.ts';
import { existingRepository, finishOptions, newRepository, storeDisk, vmTree } from '../../helpers/repositories.ts';

const key = new SealingKey({ encrypt: Buffer.alloc(32, 1), k: Buffer.alloc(16, 2), r: Buffer.alloc(16, 3) });
const minute = 60_000;

/** Time that only moves when the test says so. */
class TestClock implements Clock {
  #now = Date.UTC(2026, 10, 21);
  #sleepers: { at: number; wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(new Error('aborted'));
    return new Promise((resolve, reject) => {
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
        reject(new Error('aborted'));
      });
    });
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#sleepers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#sleepers = this.#sleepers.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function acquire(storage: MemoryStorage, clock: TestClock, options: LockOptions = {}): Promise<RepositoryLock> {
  const lock = RepositoryLock.acquire(storage, key, { clock, hostname: 'host-a', ...options });
  lock.catch(() => undefined);
  await clock.advance(8000);
  return lock;
}

function plant(storage: MemoryStorage, holder: Partial<Parameters<typeof encodeLock>[0]> = {}): string {
  const file = sealUnpacked(
    key,
    encodeLock({ time: Date.UTC(2026, 10, 21), exclusive: false, hostname: 'host-b', pid: 42, ...holder }),
  );
  storage.files.lock.set(file.name, file.bytes);
  return file.name;
}

describe('taking a lock', () => {
  it('writes restic’s fields and is gone after release', async () => {
    const storage = new MemoryStorage();
    const lock = await acquire(storage, new TestClock());
    const [found] = await listLocks(storage, key);
    expect(found).toMatchObject({
      name: lock.name,
      holder: { exclusive: false, hostname: 'host-a', pid: process.pid },
    });
    const json = JSON.parse(encodeLock({ time: 0, exclusive: true, hostname: 'h', pid: 1 }).toString()) as object;
    expect(Object.keys(json)).toEqual(['time', 'exclusive', 'hostname', 'username', 'pid', 'uid', 'gid']);
    await lock.release();
    await lock.release();
    expect(storage.files.lock.size).toBe(0);
  });

  it('goes together with other shared locks, and with empty files of aborted uploads', async () => {
    const storage = new MemoryStorage();
    plant(storage);
    storage.files.lock.set('0'.repeat(64), Buffer.alloc(0));
    const lock = await acquire(storage, new TestClock());
    await lock.release();
    expect(storage.files.lock.size).toBe(2);
  });

  it('fails beside an exclusive lock, naming who holds it since when', async () => {
    const storage = new MemoryStorage();
    plant(storage, { exclusive: true });
    const problem = /exclusively locked by process 42 on host-b since 2026-11-21T00:00:00/u;
    await expect(acquire(storage, new TestClock())).rejects.toMatchObject({
      code: 'repositoryLocked',
      message: problem,
    });
    expect(storage.files.lock.size).toBe(1);
  });

  it('fails when it shall be exclusive and anybody else is there', async () => {
    const storage = new MemoryStorage();
    plant(storage);
    await expect(acquire(storage, new TestClock(), { exclusive: true })).rejects.toMatchObject({
      code: 'repositoryLocked',
    });
  });

  it('sees a conflict that came while it was writing, and takes its own file away', async () => {
    const storage = new MemoryStorage();
    const clock = new TestClock();
    const released: string[] = [];
    const lock = RepositoryLock.acquire(storage, key, { clock, onRelease: (name) => void released.push(name) });
    lock.catch(() => undefined);
    await settle();
    expect(storage.files.lock.size).toBe(1);
    const other = plant(storage, { exclusive: true });
    await clock.advance(200);
    await expect(lock).rejects.toMatchObject({ code: 'repositoryLocked' });
    expect([...storage.files.lock.keys()]).toEqual([other]);
    expect(released.length).toBe(1);
  });

  it('waits a little for a lock that cannot be read, then names it', async () => {
    const storage = new MemoryStorage();
    storage.files.lock.set('1'.repeat(64), Buffer.from('not sealed'));
    await expect(acquire(storage, new TestClock())).rejects.toMatchObject({
      code: 'repositoryLocked',
      message: /1111/u,
    });
    const clock = new TestClock();
    const lock = RepositoryLock.acquire(storage, key, { clock });
    await clock.advance(500);
    storage.files.lock.clear();
    await clock.advance(2000);
    await (await lock).release();
  });

  it('can be cancelled and then leaves nothing', async () => {
    const storage = new MemoryStorage();
    const abort = new AbortController();
    const lock = RepositoryLock.acquire(storage, key, { clock: new TestClock(), signal: abort.signal });
    lock.catch(() => undefined);
    await settle();
    abort.abort();
    await expect(lock).rejects.toMatchObject({ code: 'cancelled' });
    expect(storage.files.lock.size).toBe(0);
  });
});

describe('a lock that settles later', () => {
  const source = new BufferSource(testBytes(1024 * 1024, 7));

  /** Begins a snapshot while the lock has not settled, and hands over what comes of it. */
  async function begin() {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const clock = new TestClock();
    const taking = repository.lock({ clock, settleLater: true });
    await settle();
    const lock = await taking;
    const writer = repository.startSnapshot(lock, { signal: new AbortController().signal });
    const before = storage.written.length;
    const finished = storeDisk(writer, source).then(({ content }) =>
      writer.finish(finishOptions(vmTree({ vda: content }))),
    );
    finished.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { storage, lock, clock, finished, writtenEarly: storage.written.slice(before) };
  }

  it('lets a writer read at once and write only when nobody contradicts', async () => {
    const { storage, lock, clock, finished, writtenEarly } = await begin();
    expect(source.bytesRead).toBeGreaterThan(0);
    expect(writtenEarly).toEqual([]);
    await clock.advance(200);
    await finished;
    expect(storage.files.snapshot.size).toBe(1);
    await lock.release();
    expect(storage.files.lock.size).toBe(0);
  });

  it('stops a writer before its first file when somebody has locked exclusively meanwhile', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const other = await existingRepository(storage);
    const clock = new TestClock();
    const taking = repository.lock({ clock, settleLater: true });
    await settle();
    const lock = await taking;
    // The other one looked before ours was written, so it is there too, and waits to look again.
    const ours = storage.files.lock.get(lock.name);
    storage.files.lock.delete(lock.name);
    const exclusive = other.lock({ clock: new TestClock(), exclusive: true });
    exclusive.catch(() => undefined);
    await settle();
    storage.files.lock.set(lock.name, ours ?? Buffer.of());
    const writer = repository.startSnapshot(lock, { signal: new AbortController().signal });
    const stored = storeDisk(writer, source).then(({ content }) =>
      writer.finish(finishOptions(vmTree({ vda: content }))),
    );
    stored.catch(() => undefined);
    await clock.advance(200);
    await expect(stored).rejects.toMatchObject({ code: 'repositoryLocked' });
    expect(lock.signal.aborted).toBe(true);
    await writer.abort();
    await lock.release();
    expect([storage.files.data.size, storage.files.index.size, storage.files.snapshot.size]).toEqual([0, 0, 0]);
  });
});

describe('keeping a lock', () => {
  it('writes a new file every five minutes before the old one goes, and tells the journal first', async () => {
    const storage = new MemoryStorage();
    const clock = new TestClock();
    const events: string[] = [];
    storage.beforeWrite = (_type, name) => void events.push(`write ${name}`);
    storage.beforeRemove = (_type, name) => void events.push(`remove ${name}`);
    const lock = await acquire(storage, clock, {
      onAcquire: (name) => void events.push(`acquired ${name}`),
      onRelease: (name) => void events.push(`released ${name}`),
    });
    const first = lock.name;
    await clock.advance(5 * minute);
    const second = lock.name;
    expect(second).not.toBe(first);
    expect([...storage.files.lock.keys()]).toEqual([second]);
    await lock.release();
    expect(events).toEqual([
      `acquired ${first}`,
      `write ${first}`,
      `acquired ${second}`,
      `write ${second}`,
      `remove ${first}`,
      `released ${first}`,
      `remove ${second}`,
      `released ${second}`,
    ]);
    expect(lock.signal.aborted).toBe(false);
  });

  it('survives a storage that fails for twenty minutes', async () => {
    const storage = new MemoryStorage();
    const clock = new TestClock();
    const lock = await acquire(storage, clock);
    storage.beforeWrite = () => {
      throw new AppError('storageFailed', 'unplugged');
    };
    await clock.advance(20 * minute);
    storage.beforeWrite = () => undefined;
    await clock.advance(10 * minute);
    expect(lock.signal.aborted).toBe(false);
    await lock.release();
    expect(storage.files.lock.size).toBe(0);
  });

  it('is lost when nothing could be written for 22.5 minutes', async () => {
    const storage = new MemoryStorage();
    const clock = new TestClock();
    const lock = await acquire(storage, clock);
    storage.beforeWrite = () => {
      throw new AppError('storageFailed', 'unplugged');
    };
    await clock.advance(22 * minute);
    expect(lock.signal.aborted).toBe(false);
    await clock.advance(2 * minute);
    expect(lock.signal.reason).toMatchObject({ code: 'lockLost', message: /unplugged/u });
    await lock.release();
  });

  it('is lost when the storage does not answer at all', async () => {
    const storage = new MemoryStorage();
    const clock = new TestClock();
    const lock = await acquire(storage, clock);
    let answer: () => void = () => undefined;
    storage.beforeWrite = () => new Promise((resolve) => (answer = resolve));
    await clock.advance(24 * minute);
    expect(lock.signal.reason).toMatchObject({ code: 'lockLost' });
    answer();
    await lock.release();
    expect(storage.files.lock.size).toBe(0);
  });

  it('is lost when somebody has removed its file', async () => {
    const storage = new MemoryStorage();
    const clock = new TestClock();
    const lock = await acquire(storage, clock);
    storage.files.lock.clear();
    await clock.advance(5 * minute);
    expect(lock.signal.reason).toMatchObject({ code: 'lockLost', message: /removed/u });
    await lock.release();
    expect(storage.files.lock.size).toBe(0);
  });
});

describe('stale locks', () => {
  const now = Date.UTC(2026, 10, 21);
  const holder = { time: now, exclusive: false, hostname: 'host-a', pid: process.pid };

  it('are those older than 30 minutes or of a dead process of this host', () => {
    expect(isStale(holder, now, 'host-a')).toBe(false);
    expect(isStale({ ...holder, time: now - 30 * minute - 1 }, now, 'host-a')).toBe(true);
    expect(isStale({ ...holder, pid: 2 ** 22 + 1 }, now, 'host-a')).toBe(true);
    expect(isStale({ ...holder, pid: 2 ** 22 + 1 }, now, 'host-b')).toBe(false);
    expect(isStale({ ...holder, pid: 1, hostname: hostname() }, now)).toBe(false);
  });

  it('still block, with a hint, until they are removed by name', async () => {
    const storage = new MemoryStorage();
    const name = plant(storage, { exclusive: true, time: now - 60 * minute });
    const refused = { code: 'repositoryLocked', hint: expect.stringContaining('stale') as string };
    await expect(acquire(storage, new TestClock())).rejects.toMatchObject(refused);
    await removeStaleLock(storage, name);
    await removeStaleLock(storage, name);
    await (await acquire(storage, new TestClock())).release();
  });
});
