import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalStorage } from '../../../../agent/repository/storage/local.ts';
import { sha256 } from '../../../helpers/byte-sources.ts';
import { lacking } from '../../../helpers/needs.ts';
import { diskPath, newRepository } from '../../../helpers/repositories.ts';
import { hasRestic, Restic } from '../../../helpers/restic.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';
import { changedDisk, maintain, MiB, prune, signal, sizeOfFiles, storePoint } from './repositories.ts';

async function made() {
  const restic = await Restic.at();
  const repository = await newRepository(new LocalStorage(restic.path));
  return { restic, repository };
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('prune', () => {
  it('frees exactly what it promised and keeps what is needed, as restic says', async () => {
    const { restic, repository } = await made();
    const first = await storePoint(repository, changedDisk(24 * MiB, 1, []));
    const disk = changedDisk(24 * MiB, 2, [3, 4, 5, 40, 41, 80]);
    const second = await storePoint(repository, disk);
    await maintain(repository, (maintenance) => maintenance.forget([first], { signal }));
    const before = await sizeOfFiles(restic.path);
    const dry = await maintain(repository, (maintenance) => maintenance.planPrune({ maxUnusedPercent: 0, signal }));
    expect(await sizeOfFiles(restic.path)).toBe(before);
    expect(dry).toMatchObject({ unusedBytesAfter: 0 });
    expect(dry.packsToRepack).toBeGreaterThan(0);
    const done = await prune(repository);
    expect(done.freedBytes).toBe(dry.freedBytes);
    expect(before - (await sizeOfFiles(restic.path))).toBe(dry.freedBytes);
    expect(dry.freedBytes).toBeGreaterThan(6 * 100_000);
    await restic.checkClean();
    expect(await restic.dumpHash(second, diskPath())).toBe(sha256(disk));
    const again = await prune(repository);
    expect(again).toMatchObject({ freedBytes: 0, unusedBytes: 0, packsToDelete: 0, packsToRepack: 0 });
    const stats = await maintain(repository, (maintenance) => maintenance.stats({ signal }));
    expect(stats).toMatchObject({ snapshots: 1, unusedBytes: 0, storedBytes: await sizeOfFiles(restic.path) });
  });

  it('keeps what restic backed up by hand, and follows a forget by hand', async () => {
    const { restic, repository } = await made();
    const ids = [];
    for (let i = 1; i <= 12; i++) ids.push(await storePoint(repository, changedDisk(4 * MiB, i, [i])));
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), changedDisk(3 * MiB, 99, [1, 2]));
    await restic.run(['backup', folder]);
    await writeFile(join(folder, 'file'), changedDisk(3 * MiB, 100, [5]));
    await restic.run(['backup', folder]);
    const listed = await repository.listSnapshots();
    const byHand = listed.filter((snapshot) => snapshot.paths.includes(folder));
    expect(byHand.length).toBe(2);
    const gone = byHand[0]?.id as string;
    await restic.run(['forget', gone, ...ids.slice(0, 6)]);
    const { stdout } = await restic.run(['prune', '--dry-run', '--max-unused', '0']);
    const before = await sizeOfFiles(restic.path);
    const done = await prune(repository);
    expect(before - (await sizeOfFiles(restic.path))).toBe(done.freedBytes);
    expect(stdout).toMatch(/unused size after prune: 0 B/u);
    await restic.checkClean();
    const kept = byHand[1]?.id as string;
    expect(await restic.dumpHash(kept, join(folder, 'file'))).toBe(sha256(changedDisk(3 * MiB, 100, [5])));
    expect(await restic.dumpHash(ids[8] as string, diskPath())).toBe(sha256(changedDisk(4 * MiB, 9, [9])));
  });

  it('needs an exclusive lock and makes a new plan when the old one is out of date', async () => {
    const { restic, repository } = await made();
    const first = await storePoint(repository, changedDisk(2 * MiB, 1, []));
    const plan = await maintain(repository, async (maintenance) => {
      await maintenance.forget([first], { signal });
      return maintenance.planPrune({ maxUnusedPercent: 5, signal });
    });
    const run = maintain(repository, async (maintenance) => maintenance.prune(plan, { signal }));
    await expect(run).rejects.toMatchObject({ code: 'internal' });
    const disk = changedDisk(2 * MiB, 2, [2]);
    const second = await storePoint(repository, disk);
    await maintain(repository, (maintenance) => maintenance.prune(plan, { signal }), { exclusive: true });
    await restic.checkClean();
    expect(await restic.dumpHash(second, diskPath())).toBe(sha256(disk));
  });
});
