import { chmod, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createStorage } from '../../../../agent/repository/storage/all.ts';
import { LocalStorage } from '../../../../agent/repository/storage/local.ts';
import { isRetryable } from '../../../../agent/repository/storage/storage.ts';
import { AppError } from '../../../../shared/errors.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';
import { onTmpfs } from '../../../helpers/tmpfs.ts';
import { storageSuite } from '../../../suites/storage-suite.ts';
import { itAsUser } from '../../../helpers/needs.ts';

const name = 'ab'.repeat(32);
const newPath = async () => join(await temporaryFolder(), 'repository');

storageSuite('local', async () => createStorage({ kind: 'local', path: await newPath() }));

describe('local storage', () => {
  it('lays files out as restic does, with closed modes', async () => {
    const storage = new LocalStorage(await newPath());
    await storage.prepare();
    await storage.write('data', name, [Buffer.from('x')]);
    await storage.write('key', name, [Buffer.from('x')]);
    const path = join(storage.location, 'data', 'ab', name);
    expect((await stat(path)).mode & 0o777).toBe(0o400);
    expect((await stat(join(storage.location, 'data', 'ab'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(storage.location, 'keys'))).toEqual([name]);
    expect((await readdir(join(storage.location, 'data'))).length).toBe(256);
  });

  it('makes a missing data folder on demand', async () => {
    const storage = new LocalStorage(await newPath());
    await storage.write('data', name, [Buffer.from('x')]);
    expect((await storage.read('data', name)).toString()).toBe('x');
  });

  it('skips foreign names and counts a folder with strangers as not empty', async () => {
    const storage = new LocalStorage(await newPath());
    await storage.prepare();
    await writeFile(join(storage.location, 'locks', `${name}-tmp-1`), 'x');
    for await (const file of storage.list('lock')) expect.fail(file.name);
    expect(await storage.isEmpty()).toBe(true);
    await mkdir(join(storage.location, 'lost+found'));
    expect(await storage.isEmpty()).toBe(true);
    await writeFile(join(storage.location, 'holiday.jpg'), 'x');
    expect(await storage.isEmpty()).toBe(false);
  });

  it('removes only old temporary files of its own', async () => {
    const storage = new LocalStorage(await newPath());
    await storage.prepare();
    const old = join(storage.location, 'data', 'ab', `${name}-tmp-0123456789abcdef`);
    await writeFile(old, 'x');
    await utimes(old, 1, 1);
    await writeFile(join(storage.location, 'data', 'ab', `${name}-tmp-fedcba9876543210`), 'x');
    await writeFile(join(storage.location, 'data', 'ab', 'notes.txt'), 'x');
    expect(await storage.removeTemporaryFiles(3_600_000)).toBe(1);
    expect((await readdir(join(storage.location, 'data', 'ab'))).sort()).toEqual([
      `${name}-tmp-fedcba9876543210`,
      'notes.txt',
    ]);
  });

  it('turns a full file system into storageFull and leaves no temporary file', async (context) => {
    await onTmpfs(context, '1m', async (path) => {
      const storage = new LocalStorage(path);
      await storage.prepare();
      const write = storage.write('data', name, [Buffer.alloc(4 * 1024 * 1024, 1)]);
      await expect(write).rejects.toMatchObject({ code: 'storageFull' });
      expect(await readdir(join(path, 'data', 'ab'))).toEqual([]);
    });
  });

  it('turns a read-only file system into storageDenied', async (context) => {
    await onTmpfs(context, '1m', async (path, remount) => {
      const storage = new LocalStorage(path);
      await storage.prepare();
      await remount('ro');
      await expect(storage.write('data', name, [Buffer.from('x')])).rejects.toMatchObject({ code: 'storageDenied' });
    });
  });

  itAsUser('turns missing rights into storageDenied', async () => {
    const storage = new LocalStorage(await newPath());
    await storage.prepare();
    await chmod(join(storage.location, 'locks'), 0o500);
    await expect(storage.write('lock', name, [Buffer.from('x')])).rejects.toMatchObject({ code: 'storageDenied' });
  });

  it('says which errors may pass when tried again', () => {
    expect(isRetryable(new AppError('storageFailed', 'input/output error'))).toBe(true);
    expect(isRetryable(new AppError('storageFull', 'full'))).toBe(false);
    expect(isRetryable(new Error('other'))).toBe(false);
  });
});
