import { describe, expect, it } from 'vitest';
import type { ContentList } from '../../../agent/repository/content-list.ts';
import type { DiskPlan, PlanOptions } from '../../../agent/repository/disk-plan.ts';
import type { WrittenDisk } from '../../../agent/repository/disk-writer.ts';
import type { Repository } from '../../../agent/repository/repository.ts';
import { LocalStorage } from '../../../agent/repository/storage/local.ts';
import { BufferSink, sha256 } from '../../helpers/byte-sources.ts';
import { lacking } from '../../helpers/needs.ts';
import { backUp, diskPath, newRepository, underLock, vmTree } from '../../helpers/repositories.ts';
import { hasRestic, Restic } from '../../helpers/restic.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';
import { ChangingDisk, shape, sum } from './changing-disk.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const cell = 256 * KiB;
const { signal } = new AbortController();

interface Point {
  snapshotId: string;
  plan: DiskPlan;
  written: WrittenDisk;
  /** As it is read back. */
  content: ContentList;
  bytesStored: number;
}

type Way = Partial<PlanOptions>;

/** Stores the disk as it is now and checks what must always hold: exact counters, the list read back, the content. */
async function point(repository: Repository, disk: ChangingDisk, options: Way = {}): Promise<Point> {
  const source = disk.source();
  const { result, finished } = await backUp(
    repository,
    async (writer) => {
      const plan = await writer.planDisk(source, { cellBytes: cell, ...options });
      return { plan, written: await writer.writeDisk(source, plan) };
    },
    ({ written }) => vmTree({ vda: written.content }),
  );
  const { plan, written } = result;
  expect(written.bytesRead).toBe(source.bytesRead);
  expect(written.bytesRead).toBe(plan.plannedBytes);
  const sink = new BufferSink(disk.bytes.length);
  const content = await underLock(repository, async () => {
    const snapshot = await repository.openSnapshot(finished.snapshotId);
    await snapshot.restoreFile(diskPath(), sink, { signal });
    return snapshot.fileContent(diskPath());
  });
  expect(content.digest()).toBe(written.digest);
  expect(sink.bytes.equals(disk.bytes)).toBe(true);
  disk.clean();
  return { snapshotId: finished.snapshotId, plan, written, content, bytesStored: finished.bytesStored };
}

const increment = (repository: Repository, disk: ChangingDisk, { content }: Point, options: Way = {}) =>
  point(repository, disk, { parent: content, changed: disk.changed(), ...options });

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))(
  'increments, as public restic sees them',
  () => {
    it('divide partly dirty cells once, then store pieces only, and join when all is dirty or zero', async () => {
      const restic = await Restic.at();
      const repository = await newRepository(new LocalStorage(restic.path));
      const disk = new ChangingDisk(2 * MiB + 100 * KiB);
      disk.write(0, 2 * MiB + 100 * KiB);
      const expected: [string, string][] = [];
      const check = async (made: Point) => {
        expected.push([made.snapshotId, sha256(disk.bytes)]);
        return made;
      };
      const full = await check(await point(repository, disk));
      expect(shape(full.content)).toEqual([256, 256, 256, 256, 256, 256, 256, 256, 100]);

      disk.write(70 * KiB, 10);
      disk.write(2 * MiB + 64 * KiB, 10);
      const first = await check(await increment(repository, disk, full));
      expect(shape(first.content)).toEqual([64, 64, 64, 64, 256, 256, 256, 256, 256, 256, 256, 64, 36]);
      expect(first.written).toMatchObject({ bytesRead: 356 * KiB, keptBytes: 7 * cell, zeroBytes: 0, newBlobs: 6 });

      disk.write(70 * KiB, 10);
      disk.zero(128 * KiB, 64 * KiB);
      const second = await check(await increment(repository, disk, first));
      expect(shape(second.content).slice(0, 5)).toEqual([64, 64, -64, 64, 256]);
      expect(second.written).toMatchObject({ bytesRead: 128 * KiB, zeroBytes: 64 * KiB, newBlobs: 2 });

      disk.write(0, 256 * KiB);
      disk.write(256 * KiB, 256 * KiB);
      disk.discard(2 * MiB, 100 * KiB);
      const joined = await check(await increment(repository, disk, second));
      expect(shape(joined.content)).toEqual([256, 256, 256, 256, 256, 256, 256, 256, -100]);
      expect(joined.written).toMatchObject({ bytesRead: 512 * KiB, zeroBytes: 100 * KiB });

      disk.write(300 * KiB, 1);
      const again = await check(await increment(repository, disk, joined));
      disk.discard(256 * KiB, MiB);
      disk.zero(1280 * KiB, 256 * KiB);
      const empty = await check(await increment(repository, disk, again));
      expect(shape(empty.content)).toEqual([256, -512, -256, -256, -256, 256, 256, -100]);
      expect(empty.written.bytesRead).toBe(256 * KiB);

      await restic.checkClean();
      for (const [id, hash] of expected) expect(await restic.dumpHash(id, diskPath())).toBe(hash);
      await restic.run(['forget', '--prune', '--max-unused', '0', ...expected.slice(1, 5).map(([id]) => id)]);
      disk.write(0, 1);
      const last = await check(await increment(repository, disk, empty));
      await restic.checkClean();
      expect(await restic.dumpHash(last.snapshotId, diskPath())).toBe(sha256(disk.bytes));
    });

    it('write into a run of zeros, and take it over', async () => {
      const restic = await Restic.at();
      const repository = await newRepository(new LocalStorage(restic.path));
      const disk = new ChangingDisk(50 * MiB);
      const full = await point(repository, disk);
      expect(full.written).toMatchObject({ bytesRead: 0, zeroBytes: 50 * MiB });
      disk.write(20 * MiB + 128 * KiB, 10);
      const made = await increment(repository, disk, full);
      expect(made.written).toMatchObject({ bytesRead: 64 * KiB, newBlobs: 2, zeroBytes: 50 * MiB - 64 * KiB });
      expect(shape(made.content).slice(0, 4)).toEqual([-512, -256, -256, -256]);
      expect(shape(made.content)).toContain(64);
      await restic.checkClean();
      expect(await restic.dumpHash(made.snapshotId, diskPath())).toBe(sha256(disk.bytes));
      disk.discard(20 * MiB, MiB);
      const back = await increment(repository, disk, made);
      expect(back.written).toMatchObject({ bytesRead: 0, digest: full.written.digest });
    });

    it('follow thirty rounds of random writes, zeros and discards', async () => {
      const restic = await Restic.at();
      const repository = await newRepository(new LocalStorage(restic.path));
      const disk = new ChangingDisk(40 * MiB + 100_000, 7);
      const next = randomNumbers(11);
      const somewhere = (most: number) => {
        const offset = Math.floor(next() * disk.bytes.length);
        return [offset, Math.min(1 + Math.floor(next() ** 3 * most), disk.bytes.length - offset)] as const;
      };
      for (let i = 0; i < 30; i++) disk.write(...somewhere(3 * MiB));
      let last = await point(repository, disk);
      const hashes = new Map<string, string>([[last.snapshotId, sha256(disk.bytes)]]);
      for (let round = 1; round <= 30; round++) {
        for (let i = Math.floor(next() * 12); i >= 0; i--) {
          const what = next();
          if (what < 0.6) disk.write(...somewhere(what < 0.4 ? 100 * KiB : 2 * MiB));
          else if (what < 0.8) disk.zero(...somewhere(MiB));
          else disk.discard(...somewhere(4 * MiB));
        }
        const extents = disk.changedExtents().filter((extent) => !extent.zero);
        const cells = new Set(extents.flatMap(({ offset, length }) => cellsOf(offset, length)));
        const dirtyBytes = sum(extents);
        last = await increment(repository, disk, last);
        hashes.set(last.snapshotId, sha256(disk.bytes));
        expect(last.written.bytesRead).toBeLessThanOrEqual(cells.size * cell);
        expect(last.written.newBlobs).toBeLessThanOrEqual(cells.size * 4 + 5);
        expect(dirtyBytes === 0 || cells.size > 0).toBe(true);
        if (round % 5 > 0) continue;
        // Read whole with this parent it is the same list, and nothing is stored.
        const full = await point(repository, disk, { parent: last.content });
        expect(full.written).toMatchObject({ digest: last.written.digest, newBlobs: 0, keptBytes: 0 });
        const audit = await point(repository, disk, { parent: last.content, changed: disk.changed(), audit: true });
        expect(audit.written).toMatchObject({ digest: last.written.digest, newBlobs: 0, differenceCount: 0 });
      }
      await restic.checkClean();
      const ids = [...hashes.keys()];
      for (const id of [ids[0], ids[10], ids[19], ids[30]])
        expect(await restic.dumpHash(id ?? '', diskPath())).toBe(hashes.get(id ?? ''));
    });
  },
);

describe('an increment', () => {
  it('stores no list when nothing has changed', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(3 * MiB);
    disk.write(0, 3 * MiB);
    const full = await point(repository, disk);
    const same = await increment(repository, disk, full);
    expect(same.written).toMatchObject({ bytesRead: 0, newBlobs: 0, keptBytes: 3 * MiB, digest: full.written.digest });
    expect(same.bytesStored).toBeLessThan(1000);
  });

  it('reads again what the repository has lost', async () => {
    const storage = new MemoryStorage();
    const disk = new ChangingDisk(3 * MiB);
    disk.write(0, 3 * MiB);
    const full = await point(await newRepository(storage), disk);
    disk.write(0, 100);
    const other = await point(await newRepository(new MemoryStorage()), disk, {
      parent: full.content,
      changed: disk.changed(),
    });
    expect(other.written).toMatchObject({ bytesRead: 3 * MiB, keptBytes: 0, blobs: 15 });
  });

  it('reports what an audit finds, merged, at most a hundred ranges', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(60 * MiB);
    disk.write(0, 60 * MiB);
    disk.discard(10 * MiB, 2 * MiB);
    const full = await point(repository, disk);
    disk.write(30 * MiB, 100);
    for (const offset of [5, MiB, MiB + cell, 11 * MiB, 30 * MiB + cell]) disk.corrupt(offset);
    const audit = await increment(repository, disk, full, { audit: true });
    expect(audit.written).toMatchObject({ differenceCount: 4, keptBytes: 0 });
    expect(audit.written.differences).toEqual([
      { offset: 0, length: cell },
      { offset: MiB, length: 2 * cell },
      { offset: 11 * MiB, length: cell },
      { offset: 30 * MiB + cell, length: cell },
    ]);
    for (let i = 0; i < 110; i++) disk.corrupt(i * 2 * cell);
    const many = await increment(repository, disk, audit, { audit: true });
    expect(many.written.differenceCount).toBe(110);
    expect(many.written.differences.length).toBe(100);
  });

  it('that is an audit reports a hole where the parent has data', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(2 * MiB);
    disk.write(0, MiB);
    const full = await point(repository, disk);
    disk.discard(cell, cell);
    disk.clean();
    const audit = await increment(repository, disk, full, { audit: true });
    expect(audit.written).toMatchObject({ differenceCount: 1, differences: [{ offset: cell, length: cell }] });
  });

  it('trusts the bitmap without an audit', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(2 * MiB);
    disk.write(0, 2 * MiB);
    const full = await point(repository, disk);
    const before = disk.bytes.readUInt8(0);
    disk.corrupt(0);
    const { result } = await backUp(
      repository,
      async (writer) => {
        const source = disk.source();
        const plan = await writer.planDisk(source, { cellBytes: cell, parent: full.content, changed: disk.changed() });
        return writer.writeDisk(source, plan);
      },
      (written) => vmTree({ vda: written.content }),
    );
    expect(result).toMatchObject({ digest: full.written.digest, bytesRead: 0, differenceCount: 0 });
    expect(disk.bytes.readUInt8(0)).not.toBe(before);
  });

  it('that is cancelled in the middle ends with cancelled and reads no further', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(80 * MiB);
    disk.write(0, 80 * MiB);
    const full = await point(repository, disk);
    for (let at = 0; at < 80 * MiB; at += cell) disk.write(at, 10);
    const abort = new AbortController();
    await underLock(repository, async (lock) => {
      const writer = repository.startSnapshot(lock, { signal: abort.signal });
      const source = disk.source();
      const plan = await writer.planDisk(source, { cellBytes: cell, parent: full.content, changed: disk.changed() });
      const stored = writer.writeDisk(source, plan, { onProgress: () => abort.abort() });
      await expect(stored).rejects.toMatchObject({ code: 'cancelled' });
      expect(source.bytesRead).toBeLessThan(20 * MiB);
      await writer.abort();
    });
  });

  it('that is cancelled while it is planned ends with cancelled', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(MiB);
    const abort = new AbortController();
    await underLock(repository, async (lock) => {
      const writer = repository.startSnapshot(lock, { signal: abort.signal });
      const planned = writer.planDisk(disk.source(), { cellBytes: cell });
      abort.abort();
      await expect(planned).rejects.toMatchObject({ code: 'cancelled' });
      await writer.abort();
    });
  });
});

function cellsOf(offset: number, length: number): number[] {
  const cells: number[] = [];
  for (let i = Math.floor(offset / cell); i * cell < offset + length; i++) cells.push(i);
  return cells;
}

/** A deterministic stream of numbers in [0, 1). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
