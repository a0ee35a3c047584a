import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawFileDisk } from '../../../agent/disks/raw-file.ts';
import { TargetFile } from '../../../agent/disks/target-file.ts';
import { allExtents, mib, noise, readDisk, writeRaw } from './images.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hf-raw-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('raw files', () => {
  it('reads what is there, whole and in pieces', async () => {
    const path = join(folder, 'a.raw');
    const content = await writeRaw(path, 5 * mib + 1000, { 0: noise('a', 5000), [3 * mib]: noise('b', mib) });
    const disk = await RawFileDisk.open('a', path);
    expect(disk.sizeBytes).toBe(5 * mib + 1000);
    expect(disk.sparse).toBe(true);
    expect((await readDisk(disk, 300_000)).equals(content)).toBe(true);
    expect((await disk.read(3 * mib - 1, 2)).equals(content.subarray(3 * mib - 1, 3 * mib + 1))).toBe(true);
    await disk.close();
  });

  it('knows a file without blocks to be zero', async () => {
    const path = join(folder, 'empty.raw');
    await writeRaw(path, 8 * mib, {});
    const disk = await RawFileDisk.open('e', path);
    expect(await allExtents(disk)).toEqual([{ offset: 0, length: 8 * mib, zero: true }]);
    await disk.close();
  });

  it('names a missing file', async () => {
    await expect(RawFileDisk.open('x', join(folder, 'none.raw'))).rejects.toMatchObject({
      code: 'diskMissing',
      message: expect.stringContaining('none.raw') as unknown,
    });
  });

  it('refuses what is no file, without hanging on a FIFO', async () => {
    const fifo = join(folder, 'fifo.raw');
    execFileSync('mkfifo', [fifo]);
    await expect(RawFileDisk.open('x', fifo)).rejects.toMatchObject({ code: 'diskUnsupported' });
    await expect(RawFileDisk.open('x', folder)).rejects.toMatchObject({ code: 'diskUnsupported' });
  });

  it('notices a file that shrinks under the reader', async () => {
    const path = join(folder, 'shrinks.raw');
    await writeFile(path, Buffer.alloc(10_000, 1));
    const disk = await RawFileDisk.open('s', path);
    await truncate(path, 5000);
    await expect(disk.read(0, 10_000)).rejects.toMatchObject({ code: 'diskReadFailed' });
    await disk.close();
  });

  it('stops when cancelled', async () => {
    const path = join(folder, 'c.raw');
    await writeRaw(path, mib, { 0: noise('c', 10) });
    const disk = await RawFileDisk.open('c', path);
    await expect(allExtents(disk, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    await disk.close();
  });
});

describe('target files', () => {
  it('writes in any order and keeps holes', async () => {
    const path = join(folder, 't.raw');
    const target = await TargetFile.create(path, 20 * mib);
    const [a, b] = [noise('t1', 70_000), noise('t2', mib)];
    await Promise.all([target.write(10 * mib, b), target.write(5, a)]);
    await target.close();
    const content = await readFile(path);
    expect(content.length).toBe(20 * mib);
    expect(content.subarray(5, 5 + a.length).equals(a)).toBe(true);
    expect(content.subarray(10 * mib, 11 * mib).equals(b)).toBe(true);
    const { blocks, mode } = await stat(path);
    expect(blocks * 512).toBeLessThan(3 * mib);
    expect(mode & 0o777).toBe(0o600);
  });

  it('never overwrites', async () => {
    const path = join(folder, 'there.raw');
    await writeFile(path, 'precious');
    await expect(TargetFile.create(path, mib)).rejects.toMatchObject({ code: 'storageFailed' });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('says when the file system cannot take it', async () => {
    await expect(TargetFile.create(join(folder, 'huge.raw'), Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({
      code: 'storageFull',
    });
  });
});
