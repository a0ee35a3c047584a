import { describe, expect, it } from 'vitest';
import type { CheckResult } from '../../../../agent/repository/maintenance/check.ts';
import type { ReadData } from '../../../../agent/repository/maintenance/check-data.ts';
import type { PointResult } from '../../../../agent/repository/maintenance/verify-point.ts';
import { MemoryStorage } from '../../../fakes/memory-storage.ts';
import { diskPath, existingRepository, newRepository, underLock } from '../../../helpers/repositories.ts';
import { changedDisk, maintain, MiB, prune, signal, storePoint } from './repositories.ts';

const cell = 256 * 1024;

/** Two points: the second shares all but three cells with the first. */
async function made() {
  const storage = new MemoryStorage();
  const repository = await newRepository(storage);
  const first = await storePoint(repository, changedDisk(4 * MiB, 1, []));
  const packs = new Set(storage.files.data.keys());
  const second = await storePoint(repository, changedDisk(4 * MiB, 2, [3, 4, 9]));
  const sizes = (names: Iterable<string>) =>
    [...names].sort((a, b) => (storage.files.data.get(b)?.length ?? 0) - (storage.files.data.get(a)?.length ?? 0));
  const [firstData = ''] = sizes(packs);
  const added = [...storage.files.data.keys()].filter((name) => !packs.has(name));
  const [secondData = '', secondTrees = ''] = sizes(added);
  return { storage, first, second, firstData, secondData, secondTrees };
}

async function check(storage: MemoryStorage, readData: ReadData = 'none'): Promise<CheckResult> {
  const repository = await existingRepository(storage);
  return maintain(repository, (maintenance) => maintenance.check({ readData, signal }), { withoutIndex: true });
}

async function verify(storage: MemoryStorage, id: string): Promise<PointResult> {
  const repository = await existingRepository(storage);
  const snapshot = (await repository.listSnapshots()).find((each) => each.id === id);
  if (snapshot === undefined) throw new Error('no such snapshot');
  return maintain(repository, (maintenance) => maintenance.verifyPoint(snapshot, { signal }));
}

/** Which cells of a point's disk a restore cannot read. */
async function brokenCells(storage: MemoryStorage, id: string): Promise<number[]> {
  const repository = await existingRepository(storage);
  return underLock(repository, async () => {
    const snapshot = await repository.openSnapshot(id);
    const broken: number[] = [];
    for (const entry of (await snapshot.fileContent(diskPath())).entries()) {
      const isWhole = await snapshot.readBlob(entry.id).then(
        () => true,
        () => false,
      );
      if (!isWhole) broken.push(entry.offset / cell);
    }
    return broken;
  });
}

function flip(storage: MemoryStorage, pack: string, at: number): void {
  const bytes = storage.files.data.get(pack) as Buffer;
  bytes[at] = (bytes[at] as number) ^ 1;
}

describe('check', () => {
  it('finds nothing in a sound repository, and tells its progress in bytes of packs', async () => {
    const { storage, second } = await made();
    const sound = { ok: true, errors: [], errorCount: 0 };
    for (const readData of ['none', 'all', { samplePercent: 50 }] as const) {
      expect(await check(storage, readData)).toEqual(sound);
    }
    expect(await verify(storage, second)).toEqual({ ok: true, errors: [] });
    const repository = await existingRepository(storage);
    const seen: number[][] = [];
    await maintain(repository, (maintenance) =>
      maintenance.check({
        readData: 'all',
        signal,
        onProgress: ({ bytesDone, bytesTotal }) => seen.push([bytesDone, bytesTotal]),
      }),
    );
    const total = [...storage.files.data.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    expect(seen.at(0)).toEqual([0, total]);
    expect(seen.at(-1)).toEqual([total, total]);
  });

  it('names disk, offset and points of a flipped byte', async () => {
    const { storage, first, second, firstData, secondData } = await made();
    flip(storage, secondData, 10);
    const [broken = -1, ...others] = await brokenCells(storage, second);
    expect([3, 4, 9]).toContain(broken);
    expect(others).toEqual([]);
    const blob = { kind: 'blobDamaged', pack: secondData, path: diskPath(), offset: broken * cell, length: cell };
    expect(await check(storage)).toMatchObject({ ok: true });
    const { errors, ok } = await check(storage, 'all');
    expect(ok).toBe(false);
    expect(errors).toMatchObject([{ ...blob, snapshots: [second] }]);
    expect(await verify(storage, first)).toEqual({ ok: true, errors: [] });
    expect(await verify(storage, second)).toEqual({
      ok: false,
      errors: [{ path: diskPath(), offset: broken * cell, length: cell, kind: 'blobDamaged' }],
    });
    flip(storage, secondData, 10);
    flip(storage, firstData, 10);
    const [sharedCell = -1] = await brokenCells(storage, first);
    const shared = await check(storage, 'all');
    expect(shared.errors).toMatchObject([
      { kind: 'blobDamaged', pack: firstData, offset: sharedCell * cell, length: cell },
    ]);
    expect(new Set(shared.errors[0]?.snapshots)).toEqual(
      // The cell may be one of those that the second point has otherwise.
      new Set([3, 4, 9].includes(sharedCell) ? [first] : [first, second]),
    );
  });

  it('names what a missing and a truncated pack take away', async () => {
    const { storage, first, second, firstData, secondData } = await made();
    const bytes = storage.files.data.get(secondData) as Buffer;
    storage.files.data.delete(secondData);
    const lost = (kind: string, from: number, cells: number) => ({
      kind,
      path: diskPath(),
      offset: from * cell,
      length: cells * cell,
    });
    expect((await check(storage)).errors).toMatchObject([
      { ...lost('packMissing', 3, 2), snapshots: [second] },
      { ...lost('packMissing', 9, 1), snapshots: [second] },
    ]);
    expect((await verify(storage, second)).errors).toEqual([lost('packMissing', 3, 2), lost('packMissing', 9, 1)]);
    // Cut in the last blob.
    storage.files.data.set(secondData, bytes.subarray(0, bytes.length - 300));
    const [cut = -1] = await brokenCells(storage, second);
    expect((await check(storage, 'all')).errors).toMatchObject([
      { ...lost('packTruncated', cut, 1), snapshots: [second] },
    ]);
    expect((await verify(storage, second)).errors).toEqual([lost('packTruncated', cut, 1)]);
    storage.files.data.delete(firstData);
    const { errors } = await check(storage);
    expect(errors.filter((error) => error.snapshots.includes(first))).toMatchObject([lost('packMissing', 0, 16)]);
  });

  it('names ranges whose blobs no index knows, and prune refuses', async () => {
    const { storage, second } = await made();
    const [newest = ''] = [...storage.files.index.keys()].slice(-1);
    storage.files.index.delete(newest);
    expect((await check(storage)).errors).toMatchObject([{ kind: 'treeMissing', path: '/', snapshots: [second] }]);
    const repository = await existingRepository(storage);
    await expect(prune(repository)).rejects.toMatchObject({ code: 'repositoryDamaged' });
    expect((await verify(storage, second)).errors).toEqual([{ path: '/', offset: 0, length: 0, kind: 'treeMissing' }]);
  });

  it('knows where blobs are missing from the lengths of the others', async () => {
    const { storage, first, second, secondData } = await made();
    storage.files.data.delete(secondData);
    const repository = await existingRepository(storage);
    await maintain(repository, (maintenance) => maintenance.rebuildIndex({ signal }), { exclusive: true });
    // Nobody knows how long each of the cells 3, 4 and 9 was: together they are what is missing from 3 to 9.
    const range = { kind: 'blobMissing', path: diskPath(), offset: 3 * cell, length: 7 * cell };
    expect((await check(storage)).errors).toMatchObject([{ ...range, snapshots: [second] }]);
    expect((await verify(storage, second)).errors).toEqual([range]);
    expect((await verify(storage, first)).ok).toBe(true);
  });

  it('ends when it is cancelled', async () => {
    const { storage } = await made();
    const repository = await existingRepository(storage);
    const cancelled = maintain(repository, (maintenance) =>
      maintenance.check({ readData: 'all', signal: AbortSignal.abort() }),
    );
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    expect(storage.files.lock.size).toBe(0);
  });

  it('goes on behind a broken index, snapshot, tree, header and appended bytes', async () => {
    const { storage, first, second, firstData, secondData, secondTrees } = await made();
    const snapshotBytes = storage.files.snapshot.get(first) as Buffer;
    storage.files.snapshot.set(first, Buffer.from(snapshotBytes).fill(1, 20, 30));
    expect((await check(storage)).errors).toMatchObject([{ kind: 'snapshotDamaged', snapshots: [first] }]);
    storage.files.snapshot.set(first, snapshotBytes);
    flip(storage, secondTrees, 40);
    const { errors } = await check(storage);
    expect(errors).toMatchObject([{ kind: 'blobDamaged', pack: secondTrees, snapshots: [second] }]);
    expect(errors[0]?.path).toMatch(/^\//u);
    expect((await verify(storage, second)).ok).toBe(false);
    flip(storage, secondTrees, 40);
    flip(storage, firstData, (storage.files.data.get(firstData)?.length ?? 0) - 20);
    expect((await check(storage, 'all')).errors).toMatchObject([
      { kind: 'headerMismatch', pack: firstData, snapshots: [] },
    ]);
    flip(storage, firstData, (storage.files.data.get(firstData)?.length ?? 0) - 20);
    const data = storage.files.data.get(secondData) as Buffer;
    storage.files.data.set(secondData, Buffer.concat([data, Buffer.alloc(7)]));
    expect((await check(storage)).errors).toMatchObject([{ kind: 'packDamaged', pack: secondData }]);
    storage.files.data.set(secondData, data);
    const [name, index] = [...storage.files.index][0] as [string, Buffer];
    storage.files.index.set(name, Buffer.from(index).fill(0, 30, 60));
    const { errors: broken } = await check(storage);
    expect(broken[0]).toMatchObject({ kind: 'indexDamaged', snapshots: [] });
    expect(broken.slice(1).every((error) => error.kind.endsWith('Missing'))).toBe(true);
    expect(broken.length).toBeGreaterThan(1);
  });
});
