import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalStorage } from '../../../../agent/repository/storage/local.ts';
import { MemoryStorage } from '../../../fakes/memory-storage.ts';
import { sha256 } from '../../../helpers/byte-sources.ts';
import { lacking } from '../../../helpers/needs.ts';
import { diskPath, existingRepository, newRepository } from '../../../helpers/repositories.ts';
import { hasRestic, Restic } from '../../../helpers/restic.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';
import type { Storage } from '../../../../agent/repository/storage/storage.ts';
import { changedDisk, maintain, MiB, signal, storePoint } from './repositories.ts';

async function rebuild(storage: Storage) {
  const repository = await existingRepository(storage);
  return maintain(repository, (maintenance) => maintenance.rebuildIndex({ signal }), {
    exclusive: true,
    withoutIndex: true,
  });
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('rebuilding the index', () => {
  it('brings back lost and broken index files, of foreign packs too', async () => {
    const restic = await Restic.at();
    const storage = new LocalStorage(restic.path);
    const repository = await newRepository(storage);
    const disk = changedDisk(6 * MiB, 2, [3]);
    await storePoint(repository, changedDisk(6 * MiB, 1, []));
    const second = await storePoint(repository, disk);
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), 'by hand');
    await restic.run(['backup', folder]);
    const [lost = '', broken = ''] = await readdir(join(restic.path, 'index'));
    await rm(join(restic.path, 'index', lost));
    const path = join(restic.path, 'index', broken);
    const bytes = await readFile(path);
    await rm(path);
    await writeFile(path, bytes.subarray(0, 40));
    const done = await rebuild(storage);
    expect(done).toMatchObject({ indexFiles: 1, damaged: [] });
    expect((await readdir(join(restic.path, 'index'))).length).toBe(1);
    await restic.checkClean();
    expect(await restic.dumpHash(second, diskPath())).toBe(sha256(disk));
  });
});

describe('rebuilding the index', () => {
  it('reports a pack with a broken header, leaves it, and keeps what was known of it', async () => {
    const storage = new MemoryStorage();
    const id = await storePoint(await newRepository(storage), changedDisk(2 * MiB, 1, []));
    const [name, bytes] = [...storage.files.data].sort((a, b) => b[1].length - a[1].length)[0] as [string, Buffer];
    bytes[bytes.length - 10] = (bytes[bytes.length - 10] as number) ^ 1;
    const done = await rebuild(storage);
    expect(done.damaged).toMatchObject([{ pack: name, message: expect.stringMatching(/header/u) as string }]);
    expect(storage.files.data.has(name)).toBe(true);
    const repository = await existingRepository(storage);
    const snapshot = (await repository.listSnapshots()).find((each) => each.id === id);
    if (snapshot === undefined) throw new Error('no such snapshot');
    const result = await maintain(repository, (maintenance) => maintenance.verifyPoint(snapshot, { signal }));
    expect(result).toEqual({ ok: true, errors: [] });
  });
});
