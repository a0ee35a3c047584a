import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPlatform } from '../../../agent/platforms/all.ts';
import type { Platform } from '../../../agent/platforms/platform.ts';
import type { InventoryObject } from '../../../shared/model/vm.ts';
import { lacking } from '../../helpers/needs.ts';
import { allExtents, haveQemu, mib, noise, qemuImg, readDisk, writeRaw } from '../disks/images.ts';
import { TestScope } from './job-scope.ts';
import { openSource } from './open-source.ts';

const signal = new AbortController().signal;
const vmdkKinds = [
  'monolithicSparse',
  'monolithicFlat',
  'twoGbMaxExtentSparse',
  'twoGbMaxExtentFlat',
  'streamOptimized',
] as const;

describe.skipIf(lacking(haveQemu() ? undefined : 'qemu-utils are not installed'))('images of other hypervisors', () => {
  let base: string;
  let folder: string;
  let raw: string;
  let content: Buffer;
  let platform: Platform;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'hf-formats-'));
    folder = join(base, 'images');
    await mkdir(folder);
    raw = join(base, 'source');
    content = await writeRaw(raw, 16 * mib, { 0: noise('a', mib), [9 * mib]: noise('b', 70_000) });
    const roots = { run: join(base, 'run'), scratch: join(base, 'scratch'), frozen: join(base, 'frozen') };
    platform = createPlatform('image-directory', { path: folder }, { uuid: randomUUID(), name: 'p', roots });
  });
  afterAll(async () => {
    await rm(base, { recursive: true, force: true });
  });

  const find = async (name: string): Promise<InventoryObject> => {
    const found = (await platform.listObjects(signal)).find((object) => object.name === name);
    if (found === undefined) throw new Error(`${name} is not listed`);
    return found;
  };
  const read = async (name: string) => {
    const scope = new TestScope();
    const source = await openSource(platform, (await find(name)).uuid, scope);
    const [disk] = source.disks;
    if (disk === undefined) throw new Error('no disk');
    const bytes = await readDisk(disk.disk);
    const extents = await allExtents(disk.disk);
    await source.release();
    expect(scope.open).toEqual([]);
    return { bytes, extents };
  };
  const expectRefused = async (name: string, words: string) => {
    const scope = new TestScope();
    const found = await find(name);
    expect(found.disks.map(({ sizeBytes }) => sizeBytes)).toEqual([0]);
    await expect(openSource(platform, found.uuid, scope)).rejects.toMatchObject({
      code: 'diskUnsupported',
      message: expect.stringContaining(words) as unknown,
    });
    expect(scope.open).toEqual([]);
  };
  const convert = (format: string, path: string, ...options: string[]) =>
    qemuImg('convert', '-f', 'raw', '-O', format, ...options, raw, path);
  /** A descriptor with the given extent lines. */
  const describeVmdk = (name: string, ...lines: string[]) =>
    writeFile(
      join(folder, name),
      [
        '# Disk DescriptorFile',
        'version=1',
        'CID=12345678',
        'parentCID=ffffffff',
        'createType="monolithicFlat"',
        ...lines,
        '',
      ]
        .join('\n')
        .padEnd(600),
    );

  it.each(vmdkKinds)('reads a VMDK of kind %s', async (kind) => {
    convert('vmdk', join(folder, `${kind}.vmdk`), '-o', `subformat=${kind}`);
    expect((await find(`${kind}.vmdk`)).disks).toEqual([
      { id: `${kind}.vmdk`, format: 'vmdk', sizeBytes: content.length },
    ]);
    const { bytes, extents } = await read(`${kind}.vmdk`);
    expect(bytes.equals(content)).toBe(true);
    expect(extents.some(({ zero }) => zero)).toBe(true);
    // Its parts are no objects of their own.
    const names = (await platform.listObjects(signal)).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith(kind))).toEqual([`${kind}.vmdk`]);
  });

  it.each(['vdi', 'vhdx', 'qcow2', 'vmdk'])('tells %s by its content, whatever the extension', async (format) => {
    const name = `told-${format}.${format === 'vdi' ? 'vmdk' : 'vdi'}`;
    convert(format, join(folder, name));
    expect((await find(name)).disks).toEqual([{ id: name, format, sizeBytes: content.length }]);
    expect((await read(name)).bytes.equals(content)).toBe(true);
  });

  it('never asks a raw disk what it is: its guest may have written any header', async () => {
    const secret = join(base, 'secret');
    await writeFile(secret, Buffer.alloc(4096, 0x53));
    qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', secret, join(base, 'trap'));
    for (const name of ['guest.raw', 'guest.img', 'flat-guest-flat.vmdk'])
      await writeFile(join(folder, name), await readFile(join(base, 'trap')));
    const trap = await readFile(join(base, 'trap'));
    for (const name of ['guest.raw', 'guest.img']) {
      expect((await find(name)).disks).toEqual([{ id: name, format: 'raw', sizeBytes: trap.length }]);
      expect((await read(name)).bytes.equals(trap)).toBe(true);
    }
    await expectRefused('flat-guest-flat.vmdk', 'flat-guest.vmdk is missing');
    const sectors = Math.floor(trap.length / 512);
    await describeVmdk('flat-guest.vmdk', `RW ${sectors} FLAT "flat-guest-flat.vmdk" 0`);
    expect((await read('flat-guest.vmdk')).bytes.equals(trap.subarray(0, sectors * 512))).toBe(true);
  });

  it.each([
    ['/etc/passwd', 'names the file'],
    ['../source', 'names the file'],
    ['..', 'names the file'],
    ['nbd:localhost:10809', 'names the file'],
    ['file:source', 'names the file'],
    [String.raw`..\source`, 'names the file'],
    ['leak', 'outside'],
  ])('refuses a descriptor that names %s', async (name, words) => {
    await symlink(raw, join(folder, 'leak')).catch(() => undefined);
    await describeVmdk('hostile.vmdk', `RW 2 FLAT "${name}" 0`);
    await expectRefused('hostile.vmdk', words);
  });

  it.each([
    ['RW 2 VMFSSPARSE "x-delta.vmdk"', 'kind VMFSSPARSE'],
    ['RDONLY 2 FLAT "source" 0', 'cannot be understood'],
    ['RW 2 FLAT source 0', 'cannot be understood'],
    ['RW\t2 FLAT "gone-flat.vmdk"\v0', 'cannot be understood'],
    [' RW', 'cannot be understood'],
    ['', 'no extents'],
  ])('refuses the line %j', async (line, words) => {
    await describeVmdk('line.vmdk', line);
    await expectRefused('line.vmdk', words);
  });

  it('refuses what QEMU would read in another way than we do', async () => {
    await writeFile(join(folder, 'twice-flat.vmdk'), Buffer.alloc(1024, 1));
    // QEMU begins at the empty line as well and finds the extent twice.
    await describeVmdk('twice.vmdk', '', 'RW 2 FLAT "twice-flat.vmdk" 0');
    const scope = new TestScope();
    await expect(openSource(platform, (await find('twice.vmdk')).uuid, scope)).rejects.toMatchObject({
      code: 'diskUnsupported',
      message: expect.stringContaining('QEMU finds 2048 bytes') as unknown,
    });
    expect(scope.open).toEqual([]);
  });

  it('refuses data that are shorter than their descriptor says', async () => {
    convert('vmdk', join(folder, 'short.vmdk'), '-o', 'subformat=monolithicFlat');
    await truncate(join(folder, 'short-flat.vmdk'), 15 * mib);
    await expectRefused('short.vmdk', 'ends at byte');
  });

  it('refuses differences to other images', async () => {
    const child = join(folder, 'child.vmdk');
    convert('vmdk', join(base, 'parent.vmdk'));
    qemuImg('create', '-q', '-f', 'vmdk', '-F', 'vmdk', '-b', join(base, 'parent.vmdk'), child);
    await expectRefused('child.vmdk', 'VMware snapshot');
    convert('vdi', join(folder, 'child.vdi'));
    await overwrite(join(folder, 'child.vdi'), 76, Buffer.from([4, 0, 0, 0]));
    await expectRefused('child.vdi', 'difference to another VDI');
  });

  it('refuses a descriptor inside a sparse file', async () => {
    convert('vmdk', join(folder, 'inner.vmdk'));
    // Capacity 0: QEMU would read the descriptor at 0x200 and open what it names.
    await overwrite(join(folder, 'inner.vmdk'), 12, Buffer.alloc(8));
    await expectRefused('inner.vmdk', 'a size of 0');
  });

  it('says that an image begins like none', async () => {
    await writeFile(join(folder, 'noise.vhdx'), noise('x', 4096));
    await expectRefused('noise.vhdx', 'does not begin as a VHDX');
  });

  it.each(['qcow2', 'vmdk', 'vdi', 'vhdx'])('writes %s as a sparse, clean image', async (format) => {
    convert(format, join(folder, `again.${format}`));
    const scope = new TestScope();
    const source = await openSource(platform, (await find(`again.${format}`)).uuid, scope);
    const { configuration } = source;
    await source.release();
    const deployment = await platform.prepareDeploy(
      { configuration, nativeFiles: new Map(), name: `made-${format}`, storage: undefined },
      scope,
    );
    const target = await deployment.openDisk(`again.${format}`);
    for (let at = 0; at < content.length; at += 256 * 1024) {
      const piece = content.subarray(at, at + 256 * 1024);
      if (piece.some((byte) => byte !== 0)) await target.write(at, piece);
    }
    await target.close();
    await deployment.finish({ start: false });
    const made = join(folder, `made-${format}`, `again.${format}`);
    expect(await readdir(join(folder, `made-${format}`))).toEqual([`again.${format}`]);
    execFileSync('qemu-img', ['compare', '-q', '-f', 'raw', '-F', format, raw, made]);
    execFileSync('qemu-img', ['check', '-q', '-f', format, made]);
    const { 'actual-size': occupied } = JSON.parse(
      execFileSync('qemu-img', ['info', '--output=json', '-f', format, made], { encoding: 'utf8' }),
    ) as { 'actual-size': number };
    expect(occupied).toBeLessThan(content.length);
    await rm(join(folder, `made-${format}`), { recursive: true });
    await rm(join(folder, `again.${format}`));
  });
});

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}
