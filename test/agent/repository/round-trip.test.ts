import { describe, expect, it } from 'vitest';
import { zeroBlobId } from '../../../agent/repository/blob-id.ts';
import type { ByteSink, ByteSource } from '../../../agent/repository/byte-source.ts';
import type { DiskProgress } from '../../../agent/repository/disk-writer.ts';
import { AppError } from '../../../shared/errors.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';
import { BufferSink, BufferSource, type Extent, sha256, testBytes } from '../../helpers/byte-sources.ts';
import {
  backUp,
  diskPath,
  existingRepository,
  finishOptions,
  newRepository,
  storeDisk,
  underLock,
  vmTree,
} from '../../helpers/repositories.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const { signal } = new AbortController();

/** Stores the source as disk vda, reads it back by a second program's eyes and compares. */
async function roundTrip(storage: MemoryStorage, source: BufferSource, cellBytes?: number) {
  const repository = await (storage.config === undefined ? newRepository(storage) : existingRepository(storage));
  const { result, finished } = await backUp(
    repository,
    (writer) => storeDisk(writer, source, cellBytes === undefined ? {} : { cellBytes }),
    (disk) => vmTree({ vda: disk.content }),
  );
  const reader = await existingRepository(storage);
  const sink = new BufferSink(source.sizeBytes);
  const restored = await underLock(reader, async () => {
    const snapshot = await reader.openSnapshot(finished.snapshotId);
    const content = await snapshot.fileContent(diskPath());
    expect(content.digest()).toBe(result.digest);
    return snapshot.restoreFile(diskPath(), sink, { signal });
  });
  expect(restored.bytesDone).toBe(restored.bytesTotal);
  expect(sha256(sink.bytes)).toBe(sha256(source.bytes));
  return { result, restored, sink, finished };
}

/** A disk of runs: zero extents, data, and data that turns out to be zero. */
function patchwork(seed: number, sizeBytes: number): BufferSource {
  const bytes = Buffer.alloc(sizeBytes);
  const extents: Extent[] = [];
  let state = seed;
  const next = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  for (let at = 0; at < sizeBytes; ) {
    const length = Math.min(sizeBytes - at, 1 + next(next(3) === 0 ? 600 * KiB : 40 * KiB));
    const kind = next(3);
    if (kind === 0) testBytes(length, next(20)).copy(bytes, at);
    extents.push({ offset: at, length, zero: kind === 2 });
    at += length;
  }
  return new BufferSource(bytes, extents);
}

describe('a disk that was stored and restored', () => {
  it.each([0, 1, 100, 256 * KiB - 1, 256 * KiB, 256 * KiB + 1, 512 * KiB, 3 * MiB + 7])(
    'of %d bytes of data',
    async (size) => {
      const { result } = await roundTrip(new MemoryStorage(), new BufferSource(testBytes(size, size)));
      expect(result).toMatchObject({
        sizeBytes: size,
        bytesRead: size,
        zeroBytes: 0,
        blobs: Math.ceil(size / (256 * KiB)),
      });
    },
  );

  it.each([1, 511 * KiB, 512 * KiB, 16 * MiB, 16 * MiB + 1, 50 * MiB + 13])('of %d bytes of zeros', async (size) => {
    const source = new BufferSource(Buffer.alloc(size), [{ offset: 0, length: size, zero: true }]);
    const { result, restored, sink } = await roundTrip(new MemoryStorage(), source);
    expect(result).toMatchObject({ bytesRead: 0, zeroBytes: size });
    expect(restored.bytesTotal).toBe(0);
    expect(sink.bytesWritten).toBe(0);
    const ids = [...result.content.entries()].map((entry) => entry.id.toString('hex'));
    expect(ids.includes(zeroBlobId(512 * KiB).toString('hex'))).toBe(size >= 512 * KiB);
  });

  it('finds zeros in what was read, and gives the same list as for holes', async () => {
    const bytes = Buffer.concat([testBytes(MiB, 1), Buffer.alloc(20 * MiB), testBytes(MiB, 2)]);
    const read = await roundTrip(new MemoryStorage(), new BufferSource(bytes));
    const holes = new BufferSource(bytes, [
      { offset: 0, length: MiB, zero: false },
      { offset: MiB, length: 20 * MiB, zero: true },
      { offset: 21 * MiB, length: MiB, zero: false },
    ]);
    const known = await roundTrip(new MemoryStorage(), holes);
    expect(read.result.digest).toBe(known.result.digest);
    expect([read.result.bytesRead, known.result.bytesRead]).toEqual([22 * MiB, 2 * MiB]);
    expect([read.result.zeroBytes, known.result.zeroBytes]).toEqual([20 * MiB, 20 * MiB]);
    expect(known.restored.bytesTotal).toBe(2 * MiB);
  });

  it.each([1, 2, 3, 4, 5, 6])('made of random patches (%d), with small cells', async (seed) => {
    const storage = new MemoryStorage();
    const cell = [4, 16, 64][seed % 3] as number;
    await roundTrip(storage, patchwork(seed, 2 * MiB + seed * 1000), cell * KiB);
    await roundTrip(storage, patchwork(seed + 100, 5 * MiB + 3));
  });

  it('whose cells repeat is stored once and restored everywhere', async () => {
    const cell = testBytes(256 * KiB, 5);
    const bytes = Buffer.concat([...Array.from({ length: 40 }, () => cell), testBytes(256 * KiB, 6), cell]);
    const { result, sink } = await roundTrip(new MemoryStorage(), new BufferSource(bytes));
    expect(result).toMatchObject({ blobs: 42, newBlobs: 2 });
    expect(sink.bytesWritten).toBe(bytes.length);
  });

  it('stores no data again the second time, nor its list', async () => {
    const storage = new MemoryStorage();
    const bytes = Buffer.concat([testBytes(20 * MiB, 1), Buffer.alloc(MiB)]);
    await roundTrip(storage, new BufferSource(bytes));
    const packs = storage.files.data.size;
    const { result, finished } = await roundTrip(storage, new BufferSource(bytes));
    expect(result).toMatchObject({ newBlobs: 0, bytesStored: 0 });
    expect(storage.files.data.size).toBe(packs);
    expect(finished.bytesStored).toBeLessThan(1000);
  });

  it('counts what it reads, finds and stores while it goes on', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const seen: DiskProgress[] = [];
    const source = new BufferSource(Buffer.concat([testBytes(30 * MiB, 1), Buffer.alloc(5 * MiB)]));
    await underLock(repository, async (lock) => {
      const writer = repository.startSnapshot(lock, { signal });
      const result = await storeDisk(writer, source, { onProgress: (progress) => seen.push(progress) });
      expect(seen.at(-1)).toMatchObject({
        bytesDone: source.sizeBytes,
        bytesRead: source.sizeBytes,
        zeroBytes: 5 * MiB,
      });
      const finished = await writer.finish(finishOptions(vmTree({ vda: result.content })));
      const files = Object.values(storage.files).flatMap((map) => [...map.values()]);
      const size = files.reduce((sum, bytes) => sum + bytes.length, 0);
      const others = [...storage.files.key.values(), ...storage.files.lock.values()].reduce(
        (sum, bytes) => sum + bytes.length,
        0,
      );
      expect(finished.bytesStored).toBe(size - others);
      expect(result.bytesStored).toBeGreaterThan(finished.bytesStored * 0.99);
      expect(result.bytesStored).toBeLessThan(finished.bytesStored);
    });
    for (let i = 1; i < seen.length; i++)
      expect(seen[i]?.bytesDone).toBeGreaterThanOrEqual(seen[i - 1]?.bytesDone ?? 0);
  });

  it('writes packs, then the index, then the snapshot', async () => {
    const storage = new MemoryStorage();
    await roundTrip(storage, new BufferSource(testBytes(2 * MiB, 1)));
    const kinds = storage.written.map((name) => name.split('/')[0]).filter((kind) => kind !== 'lock');
    expect(kinds).toEqual(['key', 'config', 'data', 'data', 'index', 'snapshot']);
  });
});

it('a restore writes no more at a time than its target wants', async () => {
  const repository = await newRepository(new MemoryStorage());
  const bytes = testBytes(40 * MiB, 1);
  const { finished } = await backUp(
    repository,
    (writer) => storeDisk(writer, new BufferSource(bytes)),
    (disk) => vmTree({ vda: disk.content }),
  );
  const most = async (parallelWrites?: number) => {
    const memory = new BufferSink(bytes.length);
    let under = 0;
    let highest = 0;
    const sink: ByteSink = {
      ...(parallelWrites === undefined ? {} : { parallelWrites }),
      async write(offset, piece) {
        highest = Math.max(highest, ++under);
        await new Promise((resolve) => setTimeout(resolve, 2));
        await memory.write(offset, piece);
        under--;
      },
    };
    await underLock(repository, async () => {
      const snapshot = await repository.openSnapshot(finished.snapshotId);
      await snapshot.restoreFile(diskPath(), sink, { signal });
    });
    expect(memory.bytes.equals(bytes)).toBe(true);
    return highest;
  };
  expect(await most(1)).toBe(1);
  expect(await most()).toBeGreaterThan(1);
});

describe('a backup that fails', () => {
  const failing = (error: unknown): ByteSource => ({
    sizeBytes: 64 * MiB,
    async *extents() {
      yield { offset: 0, length: 64 * MiB, zero: false };
    },
    read: (offset, length) =>
      offset === 5 * MiB ? Promise.reject(error as Error) : Promise.resolve(testBytes(length, offset)),
  });

  it('because of its source ends with that error, and cannot be finished', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    await underLock(repository, async (lock) => {
      const writer = repository.startSnapshot(lock, { signal });
      const error = new AppError('diskReadFailed', 'the disk is gone');
      await expect(storeDisk(writer, failing(error))).rejects.toBe(error);
      await expect(writer.finish(finishOptions({}))).rejects.toBe(error);
      await writer.abort();
    });
    expect(storage.files.snapshot.size).toBe(0);
  });

  it('because a read is short says so', async () => {
    const repository = await newRepository(new MemoryStorage());
    await underLock(repository, async (lock) => {
      const writer = repository.startSnapshot(lock, { signal });
      const source = { ...failing(undefined), read: () => Promise.resolve(Buffer.alloc(5)) };
      await expect(storeDisk(writer, source)).rejects.toMatchObject({ code: 'diskReadFailed' });
      await writer.abort();
    });
  });

  it('because of the storage ends with that error', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    storage.beforeWrite = (type) => {
      if (type === 'data') throw new AppError('storageFull', 'no space left');
    };
    await underLock(repository, async (lock) => {
      const writer = repository.startSnapshot(lock, { signal });
      const stored = storeDisk(writer, new BufferSource(testBytes(80 * MiB, 1)));
      await expect(stored).rejects.toMatchObject({ code: 'storageFull' });
      await writer.abort();
    });
    expect([...storage.files.index.keys(), ...storage.files.snapshot.keys()]).toEqual([]);
  });

  it('because it was cancelled stops reading and says cancelled', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const abort = new AbortController();
    const source = new BufferSource(testBytes(200 * MiB, 1));
    await underLock(repository, async (lock) => {
      const writer = repository.startSnapshot(lock, { signal: abort.signal });
      const stored = storeDisk(writer, source, { onProgress: () => abort.abort() });
      await expect(stored).rejects.toMatchObject({ code: 'cancelled' });
      await expect(writer.writeFile(Buffer.from('x'))).rejects.toMatchObject({ code: 'cancelled' });
      await writer.abort();
    });
    expect(source.bytesRead).toBeLessThan(40 * MiB);
  });

  it('leaves nothing that a second one could wrongly rely on', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const bytes = testBytes(40 * MiB, 9);
    await underLock(repository, async (lock) => {
      const writer = repository.startSnapshot(lock, { signal });
      await storeDisk(writer, new BufferSource(bytes));
      await writer.abort();
    });
    const { result } = await roundTrip(storage, new BufferSource(bytes));
    expect(result.newBlobs).toBe(160);
  });

  it('does not let two writers share what is not indexed yet', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const bytes = testBytes(2 * MiB, 9);
    await underLock(repository, async (lock) => {
      const first = repository.startSnapshot(lock, { signal });
      const second = repository.startSnapshot(lock, { signal });
      expect((await storeDisk(first, new BufferSource(bytes))).newBlobs).toBe(8);
      const written = await storeDisk(second, new BufferSource(bytes));
      expect(written.newBlobs).toBe(8);
      await first.abort();
      const { snapshotId } = await second.finish(finishOptions(vmTree({ vda: written.content })));
      const sink = new BufferSink(bytes.length);
      const snapshot = await repository.openSnapshot(snapshotId);
      await snapshot.restoreFile(diskPath(), sink, { signal });
      expect(sink.bytes.equals(bytes)).toBe(true);
    });
  });
});
