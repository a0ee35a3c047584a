import { describe, expect, it } from 'vitest';
import { diffContents } from '../../../agent/repository/content-diff.ts';
import type { ContentList } from '../../../agent/repository/content-list.ts';
import type { FileRange } from '../../../agent/repository/difference-list.ts';
import type { PlanOptions } from '../../../agent/repository/disk-plan.ts';
import type { Transformation } from '../../../agent/repository/pipeline-messages.ts';
import type { Repository } from '../../../agent/repository/repository.ts';
import { LocalStorage } from '../../../agent/repository/storage/local.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';
import { BufferSink } from '../../helpers/byte-sources.ts';
import { lacking } from '../../helpers/needs.ts';
import { backUp, diskPath, newRepository, storeDisk, underLock, vmTree } from '../../helpers/repositories.ts';
import { hasRestic, Restic } from '../../helpers/restic.ts';
import { ChangingDisk, shape } from './changing-disk.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const cell = 256 * KiB;
const key = Buffer.alloc(32, 7);
const aes: Transformation = { cipher: 'aes-256', key };
const { signal } = new AbortController();

interface Way extends Partial<PlanOptions> {
  transformation?: Transformation | undefined;
}

/** Stores the disk as it is now, and checks that it comes back. */
async function point(repository: Repository, disk: ChangingDisk, { transformation = aes, ...options }: Way = {}) {
  const source = disk.source();
  const { result, finished } = await backUp(
    repository,
    (writer) => storeDisk(writer, source, { cellBytes: cell, ...options }),
    (written) => vmTree({ vda: written.content }),
    undefined,
    { transformation },
  );
  expect(result.bytesRead).toBe(source.bytesRead);
  const sink = new BufferSink(disk.bytes.length);
  const path = diskPath('vda', 'frames');
  const content = await underLock(repository, async () => {
    const snapshot = (await repository.openSnapshot(finished.snapshotId)).withKey(() => transformation.key);
    await snapshot.restoreFile(path, sink, { signal });
    return snapshot.fileContent(path);
  });
  expect(content.digest()).toBe(result.digest);
  expect(sink.bytes.equals(disk.bytes)).toBe(true);
  disk.clean();
  return { id: finished.snapshotId, path, written: result, content, bytesStored: finished.bytesStored };
}

const increment = (repository: Repository, disk: ChangingDisk, content: ContentList, options: Way = {}) =>
  point(repository, disk, { parent: content, changed: disk.changed(), ...options });

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('transformed disks', () => {
  it('are divided, joined and taken over in offsets of the disk, and restic finds them sound', async () => {
    const restic = await Restic.at();
    const repository = await newRepository(new LocalStorage(restic.path));
    const disk = new ChangingDisk(2 * MiB + 100 * KiB);
    disk.write(0, disk.bytes.length);
    const full = await point(repository, disk);
    expect(shape(full.content)).toEqual([256, 256, 256, 256, 256, 256, 256, 256, 100]);
    expect(full.written.sizeBytes).toBe(disk.bytes.length);

    disk.write(70 * KiB, 10);
    disk.write(2 * MiB + 64 * KiB, 10);
    const first = await increment(repository, disk, full.content);
    expect(shape(first.content)).toEqual([64, 64, 64, 64, 256, 256, 256, 256, 256, 256, 256, 64, 36]);
    expect(first.written).toMatchObject({ bytesRead: 356 * KiB, keptBytes: 7 * cell, zeroBytes: 0, newBlobs: 6 });

    disk.zero(128 * KiB, 64 * KiB);
    disk.write(0, 5);
    disk.discard(MiB, MiB);
    const second = await increment(repository, disk, first.content);
    expect(shape(second.content)).toEqual([64, 64, -64, 64, 256, 256, 256, -256, -256, -256, -256, 64, 36]);
    const audit = await point(repository, disk, { parent: second.content, changed: disk.changed(), audit: true });
    expect(audit.written).toMatchObject({ digest: second.written.digest, differenceCount: 0, newBlobs: 0 });
    await restic.checkClean();
  });

  it('store zeros and equal chunks once, and the second time nothing', async () => {
    const restic = await Restic.at();
    const repository = await newRepository(new LocalStorage(restic.path));
    const disk = new ChangingDisk(100 * MiB);
    const empty = await point(repository, disk);
    expect(empty.bytesStored).toBeLessThan(10_000);
    expect(shape(empty.content).slice(0, 2)).toEqual([-16384, -16384]);
    disk.write(0, MiB);
    disk.write(32 * MiB, MiB);
    disk.bytes.copy(disk.bytes, 32 * MiB, 0, MiB);
    const twice = await point(repository, disk);
    expect(twice.written.newBlobs).toBe(4);
    const again = await point(repository, disk);
    expect(again.written).toMatchObject({ newBlobs: 0, digest: twice.written.digest });
    expect(again.bytesStored).toBeLessThan(1000);
    await restic.checkClean();
  });
});

describe('a transformed disk', () => {
  it('needs at most 3 % more room', async () => {
    const disk = new ChangingDisk(20 * MiB);
    disk.write(0, 15 * MiB);
    const transformed = await point(await newRepository(new MemoryStorage()), disk);
    const repository = await newRepository(new MemoryStorage());
    const plain = await backUp(
      repository,
      (writer) => storeDisk(writer, disk.source()),
      (written) => vmTree({ vda: written.content }),
    );
    expect(plain.finished.bytesStored).toBeGreaterThan(5 * MiB);
    expect(transformed.bytesStored / plain.finished.bytesStored).toBeLessThan(1.03);
  });

  it('has nothing readable in it, whoever knows the password of the repository', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(MiB);
    disk.write(0, MiB);
    disk.bytes.fill('SECRET!!');
    const { id, path, content } = await point(repository, disk);
    const snapshot = await repository.openSnapshot(id);
    const blob = await snapshot.readBlob(content.id(0));
    expect(blob.length).toBe(cell + 64);
    expect(blob.includes('SECRET')).toBe(false);
    const sink = new BufferSink(MiB);
    await expect(snapshot.restoreFile(path, sink, { signal })).rejects.toMatchObject({ code: 'transformKeyMissing' });
    const wrong = snapshot.withKey(() => Buffer.alloc(32, 8));
    await expect(wrong.restoreFile(path, sink, { signal })).rejects.toMatchObject({ code: 'transformKeyMissing' });
    expect(sink.bytesWritten).toBe(0);
  });

  it('is no base for another cipher, but its division is kept', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(MiB);
    disk.write(0, MiB);
    const full = await point(repository, disk);
    disk.write(0, 10);
    const divided = await increment(repository, disk, full.content);
    const other = await point(repository, disk, {
      transformation: { cipher: 'sm4', key },
      parent: divided.content,
    });
    expect(shape(other.content)).toEqual([64, 64, 64, 64, 256, 256, 256]);
    expect(other.written).toMatchObject({ newBlobs: 7, keptBytes: 0 });
  });

  it('differs from its other points where its content differs, however it is transformed', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(20 * MiB);
    disk.write(0, 2 * MiB);
    const full = await point(repository, disk);
    disk.write(300 * KiB, 10);
    const changed = await increment(repository, disk, full.content);
    const sm4 = await point(repository, disk, { transformation: { cipher: 'sm4', key } });
    const diff = async (a: { id: string }, b: { id: string }, comparable: boolean, known = true) => {
      const [before, after] = await Promise.all(
        [a, b].map(async ({ id }) => (await repository.openSnapshot(id)).withKey(known ? () => key : undefined)),
      );
      const ranges: FileRange[] = [];
      const path = diskPath('vda', 'frames');
      if (before === undefined || after === undefined) throw new Error('no snapshot');
      for await (const range of diffContents(before, path, after, path, { signal, comparable })) ranges.push(range);
      return ranges;
    };
    await underLock(repository, async () => {
      expect(await diff(full, changed, true)).toEqual([{ offset: 256 * KiB, length: 64 * KiB }]);
      expect(await diff(full, sm4, false)).toEqual([{ offset: cell, length: cell }]);
      expect(await diff(changed, sm4, false)).toEqual([]);
      await expect(diff(changed, sm4, false, false)).rejects.toMatchObject({ code: 'transformKeyMissing' });
    });
  });
});
