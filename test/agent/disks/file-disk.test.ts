import { mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFileDisk } from '../../../agent/disks/file-disk.ts';
import { openNewDisk } from '../../../agent/disks/new-disk.ts';
import { isAlive, processIdSchema } from '../../../agent/disks/process-id.ts';
import { parseQcow2Header, readQcow2Header } from '../../../agent/disks/qcow2-header.ts';
import { openNew } from '../../../agent/disks/target-file.ts';
import { AppError } from '../../../shared/errors.ts';
import { onTmpfs } from '../../helpers/tmpfs.ts';
import { TestScope } from '../platforms/job-scope.ts';
import { allExtents, haveQemu, mib, noise, qemuImg, readDisk, writeRaw } from './images.ts';
import { lacking } from '../../helpers/needs.ts';

let folder: string;
let sockets = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hf-disk-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function openImage(
  path: string,
  format: 'raw' | 'qcow2',
  scope = new TestScope(),
  mayRead: (file: string) => void = () => undefined,
) {
  const socketPath = async () => join(folder, `${sockets++}.sock`);
  return openFileDisk({ id: 'd', path, format, socketPath, mayRead }, scope);
}

describe.skipIf(lacking(haveQemu() ? undefined : 'qemu-utils are not installed'))('image files through QEMU', () => {
  it('reads qcow2 with awkward names, finds its holes and leaves nothing behind', async () => {
    const content = await writeRaw(join(folder, 'a.raw'), 64 * mib, {
      0: noise('q', 3 * mib),
      [40 * mib]: noise('r', 100_000),
    });
    const path = join(folder, 'we,ird "name": x.qcow2');
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', join(folder, 'a.raw'), path);
    const scope = new TestScope();
    const disk = await openImage(path, 'qcow2', scope);
    expect(disk.sizeBytes).toBe(64 * mib);
    expect(scope.open.map(({ kind }) => kind)).toEqual(['process']);
    const id = processIdSchema.parse(JSON.parse(scope.open[0]?.name ?? ''));
    expect(await isAlive(id)).toBe(true);
    expect((await readDisk(disk)).equals(content)).toBe(true);
    const data = (await allExtents(disk)).filter(({ zero }) => !zero).reduce((sum, { length }) => sum + length, 0);
    expect(data).toBeLessThan(5 * mib);
    await disk.close();
    expect(scope.open).toEqual([]);
    expect(await isAlive(id)).toBe(false);
    expect((await readdir(folder)).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  it('maps the holes of a raw file', async () => {
    const path = join(folder, 'sparse.raw');
    const content = await writeRaw(path, 128 * mib, { [100 * mib]: noise('s', mib) });
    const disk = await openImage(path, 'raw');
    expect((await allExtents(disk)).some(({ zero }) => zero)).toBe(true);
    expect((await readDisk(disk)).equals(content)).toBe(true);
    await disk.close();
  });

  it('follows backing files by their written format only', async () => {
    const base = join(folder, 'base.raw');
    // A raw base whose content looks like a qcow2 image that names a file of the host.
    const content = await writeRaw(base, 8 * mib, { 0: forgedHeader('/etc/passwd'), [2 * mib]: noise('b', mib) });
    qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', 'base.raw', join(folder, 'top.qcow2'));
    const seen: string[] = [];
    const disk = await openImage(join(folder, 'top.qcow2'), 'qcow2', new TestScope(), (file) => seen.push(file));
    expect((await readDisk(disk)).equals(content)).toBe(true);
    expect(seen).toEqual([join(folder, 'top.qcow2'), base]);
    await disk.close();
  });

  it('refuses backing files that the caller forbids, URLs and unknown formats', async () => {
    const forbid = (file: string) => {
      if (file.endsWith('base2.raw')) throw new AppError('diskUnsupported', `not ${file}`);
    };
    await writeRaw(join(folder, 'base2.raw'), mib, {});
    const top = join(folder, 'top2.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', 'base2.raw', top);
    await expect(openImage(top, 'qcow2', new TestScope(), forbid)).rejects.toMatchObject({ code: 'diskUnsupported' });
    for (const [name, format] of [
      ['nbd://localhost:1/x', 'raw'],
      ['json:{"driver":"null-co"}', 'raw'],
      ['/dev/zero', 'vmdk'],
    ] as const) {
      const evil = join(folder, `evil-${format}-${sockets++}.qcow2`);
      qemuImg('create', '-q', '-u', '-f', 'qcow2', '-F', format, '-b', name, evil, '1M');
      await expect(openImage(evil, 'qcow2')).rejects.toMatchObject({ code: 'diskUnsupported' });
    }
  });

  it('does not follow a chain that bites its tail', async () => {
    const snake = join(folder, 'snake.qcow2');
    qemuImg('create', '-q', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', 'snake.qcow2', snake, '1M');
    await expect(openImage(snake, 'qcow2')).rejects.toMatchObject({ code: 'diskUnsupported' });
  });

  it('tells a broken image from a missing one', async () => {
    const broken = join(folder, 'broken.qcow2');
    await writeFile(broken, 'QFI\xfb nonsense', 'latin1');
    await expect(openImage(broken, 'qcow2')).rejects.toMatchObject({ code: 'diskUnsupported' });
    await expect(openImage(join(folder, 'none.qcow2'), 'qcow2')).rejects.toMatchObject({ code: 'diskMissing' });
  });

  it('fails with the text of qemu-nbd and journals nothing for good', async () => {
    const path = join(folder, 'cut.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', path, '1G');
    const file = await open(path, 'r+');
    await file.truncate(70_000);
    await file.write(Buffer.alloc(8, 0xff), 0, 8, 40);
    await file.close();
    const scope = new TestScope();
    await expect(openImage(path, 'qcow2', scope)).rejects.toMatchObject({
      code: 'diskReadFailed',
      message: expect.stringContaining('qemu-nbd') as unknown,
    });
    expect(scope.open).toEqual([]);
  });

  it('stops reading when the job is cancelled', async () => {
    const path = join(folder, 'cancel.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', path, '64M');
    const scope = new TestScope();
    const disk = await openImage(path, 'qcow2', scope);
    scope.cancel();
    await expect(disk.read(0, mib)).rejects.toMatchObject({ code: 'cancelled' });
    await disk.close();
    expect(scope.open).toEqual([]);
  });

  it('writes a new qcow2 image', async () => {
    const path = join(folder, 'new.qcow2');
    await (await openNew(path, 0o600)).close();
    const scope = new TestScope();
    const socketPath = async () => join(folder, `${sockets++}.sock`);
    const target = await openNewDisk({ path, format: 'qcow2', sizeBytes: 100 * mib, socketPath }, scope);
    const bytes = noise('w', 40 * mib);
    await Promise.all([target.write(0, bytes.subarray(0, 5)), target.write(50 * mib, bytes)]);
    await target.close();
    expect(scope.open).toEqual([]);
    const disk = await openImage(path, 'qcow2');
    expect(disk.sizeBytes).toBe(100 * mib);
    expect((await disk.read(50 * mib, 40 * mib)).equals(bytes)).toBe(true);
    expect((await allExtents(disk)).at(-1)).toMatchObject({ zero: true });
    await disk.close();
  });

  it.for(['raw', 'qcow2'] as const)('says when a full file system ends a new %s image', async (format, context) => {
    await onTmpfs(context, '2m', async (small) => {
      const path = join(small, 'new');
      await (await openNew(path, 0o600)).close();
      const scope = new TestScope();
      const socketPath = async () => join(folder, `${sockets++}.sock`);
      const target = await openNewDisk({ path, format, sizeBytes: 100 * mib, socketPath }, scope);
      await expect(target.write(50 * mib, noise('full', 8 * mib))).rejects.toMatchObject({ code: 'storageFull' });
      await target.close().catch((error: unknown) => expect(error).toBeInstanceOf(AppError));
      expect(scope.open).toEqual([]);
    });
  });

  it('reads the header as qemu-img wrote it', async () => {
    await mkdir(join(folder, 'h'));
    const path = join(folder, 'h', 'v2.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', path, '3G');
    await symlink(path, join(folder, 'h', 'link.qcow2'));
    const header = {
      version: 2,
      sizeBytes: 3 * 1024 * mib,
      backingFile: undefined,
      backingFormat: undefined,
      encrypted: false,
      externalData: false,
    };
    expect(await readQcow2Header(join(folder, 'h', 'link.qcow2'))).toEqual(header);
  });
});

describe('hostile qcow2 headers', () => {
  it('are refused whatever their numbers say', () => {
    const good = forgedHeader('x');
    expect(parseQcow2Header(good, 'f').backingFile).toBe('x');
    for (let at = 0; at < 104; at++) {
      const bad = Buffer.from(good);
      bad[at] = 0xff;
      try {
        parseQcow2Header(bad, 'f');
      } catch (error) {
        expect(error).toMatchObject({ code: 'diskUnsupported' });
      }
    }
    for (let length = 0; length < good.length; length++) {
      try {
        parseQcow2Header(good.subarray(0, length), 'f');
      } catch (error) {
        expect(error).toMatchObject({ code: 'diskUnsupported' });
      }
    }
  });
});

function forgedHeader(backing: string): Buffer {
  const head = Buffer.alloc(512);
  head.writeUInt32BE(0x514649fb, 0);
  head.writeUInt32BE(3, 4);
  head.writeBigUInt64BE(200n, 8);
  head.writeUInt32BE(backing.length, 16);
  head.writeUInt32BE(16, 20);
  head.writeBigUInt64BE(1048576n, 24);
  head.writeUInt32BE(104, 100);
  head.write(backing, 200);
  return head;
}
