import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFileDisk } from '../../../agent/disks/file-disk.ts';
import { NbdDisk } from '../../../agent/disks/nbd/nbd-disk.ts';
import { addBitmap, readBitmaps, removeBitmap } from '../../../agent/disks/qcow2-bitmaps.ts';
import { bitmapContext } from '../../../agent/disks/qemu-nbd.ts';
import { lacking } from '../../helpers/needs.ts';
import { TestScope } from '../platforms/job-scope.ts';
import { haveQemu, mib, qemuImg } from './images.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hf-bitmap-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const signal = new AbortController().signal;

function openWith(path: string, bitmap: string) {
  const socketPath = async () => join(folder, 'b.sock');
  return openFileDisk(
    { id: 'd', path, format: 'qcow2', socketPath, mayRead: () => undefined, bitmap },
    new TestScope(),
  );
}

describe.skipIf(lacking(haveQemu() ? undefined : 'qemu-utils are not installed'))('bitmaps of an image', () => {
  it('record what is written, and are read with the disk', async () => {
    const path = join(folder, 'odd "name", x: y.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', path, '64M');
    expect(await readBitmaps(path)).toEqual([]);
    await addBitmap(path, 'first');
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 32M 128k', path], { stdio: 'pipe' });
    await addBitmap(path, 'second');
    expect(await readBitmaps(path)).toEqual([
      { name: 'first', inUse: false },
      { name: 'second', inUse: false },
    ]);
    const disk = await openWith(path, 'first');
    if (!(disk instanceof NbdDisk)) throw new Error('not behind NBD');
    const dirty = [];
    for await (const extent of disk.dirtyExtents(bitmapContext('first'))?.(signal) ?? []) dirty.push({ ...extent });
    expect(dirty).toEqual([
      { offset: 0, length: 32 * mib, zero: true },
      { offset: 32 * mib, length: 131_072, zero: false },
      { offset: 32 * mib + 131_072, length: 32 * mib - 131_072, zero: true },
    ]);
    expect(disk.dirtyExtents(bitmapContext('second'))).toBeUndefined();
    expect((await disk.read(32 * mib, 2))[1]).toBe(7);
    await disk.close();
    await removeBitmap(path, 'first');
    expect((await readBitmaps(path)).map(({ name }) => name)).toEqual(['second']);
  });

  it('that are not there are named', async () => {
    const path = join(folder, 'none.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', path, '1M');
    await expect(openWith(path, 'gone')).rejects.toMatchObject({
      code: 'diskReadFailed',
      message: expect.stringMatching(/bitmap 'gone'/iu) as unknown,
    });
  });

  it('of an image that is not there, or cannot hold any, are told apart', async () => {
    await expect(readBitmaps(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'diskMissing' });
    const old = join(folder, 'old.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', old, '1M');
    expect(await readBitmaps(old)).toEqual([]);
    await expect(addBitmap(old, 'b')).rejects.toMatchObject({ code: 'diskReadFailed' });
    await expect(removeBitmap(old, 'b')).rejects.toMatchObject({ code: 'diskReadFailed' });
  });
});
