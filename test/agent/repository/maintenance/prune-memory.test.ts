import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../../../fakes/memory-storage.ts';
import type { Repository } from '../../../../agent/repository/repository.ts';
import { fileTypes } from '../../../../agent/repository/storage/storage.ts';
import { AppError } from '../../../../shared/errors.ts';
import { existingRepository, newRepository } from '../../../helpers/repositories.ts';
import { changedDisk, maintain, MiB, prune, signal, storePoint } from './repositories.ts';

const cells = [1, 5, 9];

/** Two points of which the first is forgotten: its pack is partly needed. */
async function made() {
  const storage = new MemoryStorage();
  const repository = await newRepository(storage);
  const first = await storePoint(repository, changedDisk(4 * MiB, 1, []));
  const [pack = ''] = [...storage.files.data].sort((a, b) => b[1].length - a[1].length).map(([name]) => name);
  await storePoint(repository, changedDisk(4 * MiB, 2, cells));
  await maintain(repository, (maintenance) => maintenance.forget([first], { signal }));
  return { storage, repository, pack };
}

const sizeOf = (storage: MemoryStorage) =>
  Object.values(storage.files).reduce(
    (sum, files) => [...files.values()].reduce((n, bytes) => n + bytes.length, sum),
    0,
  );

function copyOf(storage: MemoryStorage): MemoryStorage {
  const copy = new MemoryStorage();
  copy.config = storage.config;
  for (const type of fileTypes) for (const [name, bytes] of storage.files[type]) copy.files[type].set(name, bytes);
  return copy;
}

function check(repository: Repository, readData: 'none' | 'all') {
  return maintain(repository, (maintenance) => maintenance.check({ readData, signal }));
}

describe('prune', () => {
  it('leaves packs alone whose unneeded share is small enough', async () => {
    const { storage, repository, pack } = await made();
    const plan = await prune(repository, 50);
    expect(plan.packsToRepack).toBeLessThanOrEqual(1);
    expect(plan.unusedBytesAfter).toBeGreaterThan(0);
    expect(storage.files.data.has(pack)).toBe(true);
    const rest = await prune(repository, 0);
    expect(rest.unusedBytesAfter).toBe(0);
    expect(storage.files.data.has(pack)).toBe(false);
    expect(await check(repository, 'all')).toMatchObject({ ok: true });
  });

  it('deletes nothing when a blob that has to move is damaged', async () => {
    const { storage, repository, pack } = await made();
    const bytes = storage.files.data.get(pack) as Buffer;
    for (let at = 100; at < bytes.length - 2000; at += 10_000) bytes[at] = (bytes[at] as number) ^ 1;
    const names = new Set([...storage.files.data.keys(), ...storage.files.index.keys()]);
    await expect(prune(repository)).rejects.toMatchObject({ code: 'repositoryDamaged' });
    const left = new Set([...storage.files.data.keys(), ...storage.files.index.keys()]);
    for (const name of names) expect(left).toContain(name);
  });

  it('that fails at any write or removal can be run again, and frees what it promises then', async () => {
    const model = await made();
    for (let failing = 1; failing <= 8; failing++) {
      const storage = copyOf(model.storage);
      const repository = await existingRepository(storage);
      let steps = 0;
      const step = (type: string) => {
        if (type !== 'lock' && ++steps === failing) throw new AppError('storageFailed', 'told to fail');
      };
      [storage.beforeWrite, storage.beforeRemove] = [step, step];
      await prune(repository).catch((error: unknown) => expect(error).toMatchObject({ code: 'storageFailed' }));
      [storage.beforeWrite, storage.beforeRemove] = [() => undefined, () => undefined];
      expect(await check(repository, 'none')).toMatchObject({ ok: true });
      const before = sizeOf(storage);
      const done = await prune(repository);
      expect(before - sizeOf(storage)).toBe(done.freedBytes);
      expect(await check(repository, 'none')).toMatchObject({ ok: true });
      expect(done.unusedBytesAfter).toBe(0);
    }
  });

  it('of everything leaves an empty repository', async () => {
    const { storage, repository } = await made();
    const ids = (await repository.listSnapshots()).map((snapshot) => snapshot.id);
    await maintain(repository, (maintenance) => maintenance.forget(ids, { signal }));
    await prune(repository);
    expect([storage.files.data.size, storage.files.index.size, storage.files.snapshot.size]).toEqual([0, 0, 0]);
    const stats = await maintain(repository, (maintenance) => maintenance.stats({ signal }));
    expect(stats).toMatchObject({ blobs: 0, packs: 0, snapshots: 0, unusedBytes: 0 });
  });

  it('refuses the name of a file that no snapshot can have', async () => {
    const { repository } = await made();
    const wrong = maintain(repository, (maintenance) => maintenance.forget(['../config'], { signal }));
    await expect(wrong).rejects.toMatchObject({ code: 'invalidValue' });
  });
});
