import { describe, expect, it } from 'vitest';
import { diffContents } from '../../../agent/repository/content-diff.ts';
import type { FileRange } from '../../../agent/repository/difference-list.ts';
import type { PlanOptions } from '../../../agent/repository/disk-plan.ts';
import type { WrittenDisk } from '../../../agent/repository/disk-writer.ts';
import type { Repository } from '../../../agent/repository/repository.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';
import { backUp, diskPath, newRepository, storeDisk, underLock, vmTree } from '../../helpers/repositories.ts';
import { ChangingDisk } from './changing-disk.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const cell = 256 * KiB;

async function point(repository: Repository, disk: ChangingDisk, options: Partial<PlanOptions> = {}) {
  const { result, finished } = await backUp(
    repository,
    (writer) => storeDisk(writer, disk.source(), { cellBytes: cell, ...options }),
    (written: WrittenDisk) => vmTree({ vda: written.content }),
  );
  disk.clean();
  return { id: finished.snapshotId, content: result.content, bytes: Buffer.from(disk.bytes) };
}

type Point = Awaited<ReturnType<typeof point>>;

const increment = (repository: Repository, disk: ChangingDisk, { content }: Point) =>
  point(repository, disk, { parent: content, changed: disk.changed() });

function diff(repository: Repository, a: Point, b: Point, signal = AbortSignal.timeout(30_000)): Promise<FileRange[]> {
  return underLock(repository, async () => {
    const [before, after] = [await repository.openSnapshot(a.id), await repository.openSnapshot(b.id)];
    const found: FileRange[] = [];
    for await (const range of diffContents(before, diskPath(), after, diskPath(), { signal })) found.push(range);
    return found;
  });
}

/** [offset, length] in KiB. */
const inKiB = (ranges: FileRange[]) => ranges.map(({ offset, length }) => [offset / KiB, length / KiB]);

describe('what differs between two points', () => {
  it('is nothing for the same content, however it is divided', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(40 * MiB + 5000);
    disk.write(MiB, 3 * MiB);
    const a = await point(repository, disk);
    expect(await diff(repository, a, a)).toEqual([]);
    const b = await point(repository, disk, { cellBytes: 1536 * KiB });
    expect(a.content.digest()).not.toBe(b.content.digest());
    expect(await diff(repository, a, b)).toEqual([]);
  });

  it('is told to the piece when one of them has divided the cell', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(40 * MiB);
    disk.write(0, 10 * MiB);
    const a = await point(repository, disk);
    disk.write(100 * KiB, 10);
    disk.zero(MiB + 64 * KiB, 64 * KiB);
    disk.write(2 * MiB + 192 * KiB, 64 * KiB + 1);
    disk.write(30 * MiB + 64 * KiB, 1);
    const b = await increment(repository, disk, a);
    const expected = [
      [64, 64],
      [1024 + 64, 64],
      [2048 + 192, 128],
      [30 * 1024 + 64, 64],
    ];
    expect(inKiB(await diff(repository, a, b))).toEqual(expected);
    expect(inKiB(await diff(repository, b, a))).toEqual(expected);
    // A full read that knows no parent has whole cells again.
    const c = await point(repository, disk);
    expect(inKiB(await diff(repository, b, c))).toEqual([]);
  });

  it('joins neighbours, and has the tail of a grown disk', async () => {
    const repository = await newRepository(new MemoryStorage());
    const small = new ChangingDisk(2 * MiB);
    small.write(0, 2 * MiB);
    const a = await point(repository, small);
    const large = new ChangingDisk(3 * MiB + 100);
    large.write(0, 2 * MiB);
    large.bytes.set(small.bytes);
    large.write(cell, 2 * cell);
    large.write(2 * MiB - 1, MiB);
    const b = await point(repository, large);
    const expected = [
      { offset: cell, length: 2 * cell },
      { offset: 2 * MiB - cell, length: MiB + 100 + cell },
    ];
    expect(await diff(repository, a, b)).toEqual(expected);
    expect(await diff(repository, b, a)).toEqual(expected);
  });

  it('covers every changed byte and nothing clean for any two of a dozen points', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(12 * MiB + 70_000, 3);
    disk.write(0, 5 * MiB);
    const points = [await point(repository, disk)];
    let state = 5;
    const next = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    for (let i = 0; i < 8; i++) {
      for (let k = next(6); k >= 0; k--) {
        const offset = next(disk.bytes.length - 1);
        const length = 1 + next(Math.min(600 * KiB, disk.bytes.length - offset));
        if (k === 0) disk.discard(offset, length);
        else disk.write(offset, length);
      }
      points.push(i === 5 ? await point(repository, disk) : await increment(repository, disk, points.at(-1) as Point));
    }
    for (const [i, a] of points.entries()) {
      for (const b of points.slice(i + 1)) {
        const reported = new Set<number>();
        for (const { offset, length } of await diff(repository, a, b)) {
          for (let at = offset; at < offset + length; at += 64 * KiB) reported.add(at / (64 * KiB));
        }
        for (let at = 0; at < disk.bytes.length; at += 64 * KiB) {
          const differs = !a.bytes.subarray(at, at + 64 * KiB).equals(b.bytes.subarray(at, at + 64 * KiB));
          // Of two whole cells nobody knows which piece differs.
          if (differs) expect(reported.has(at / (64 * KiB))).toBe(true);
          else if (reported.has(at / (64 * KiB))) expect(sameCell(a.bytes, b.bytes, at)).toBe(false);
        }
      }
    }
  });

  it('can be cancelled', async () => {
    const repository = await newRepository(new MemoryStorage());
    const disk = new ChangingDisk(MiB);
    disk.write(0, 100);
    const a = await point(repository, disk);
    const aborted = AbortSignal.abort();
    await expect(diff(repository, a, a, aborted)).rejects.toMatchObject({ code: 'cancelled' });
  });
});

function sameCell(a: Buffer, b: Buffer, at: number): boolean {
  const start = at - (at % cell);
  return a.subarray(start, start + cell).equals(b.subarray(start, start + cell));
}
