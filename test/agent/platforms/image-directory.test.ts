import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPlatform } from '../../../agent/platforms/all.ts';
import { uuid5 } from '../../../agent/platforms/image-directory/uuid5.ts';
import { releaseLeftover } from '../../../agent/platforms/leftovers.ts';
import type { Platform } from '../../../agent/platforms/platform.ts';
import type { Roots } from '../../../agent/platforms/roots.ts';
import { platformSuite } from '../../suites/platform-suite.ts';
import { haveQemu, mib, noise, qemuImg, readDisk, writeRaw } from '../disks/images.ts';
import { TestScope } from './job-scope.ts';
import { openSource } from './open-source.ts';
import { itAsUser, lacking } from '../../helpers/needs.ts';

const qemu = haveQemu();
const signal = new AbortController().signal;
const platformUuid = randomUUID();

interface Setting {
  base: string;
  folder: string;
  roots: Roots;
  platform: Platform;
}

async function makeSetting(): Promise<Setting> {
  const base = await mkdtemp(join(tmpdir(), 'hf-images-'));
  const folder = join(base, 'images');
  await mkdir(folder);
  const roots = {
    run: join(base, 'run', 'abcdef01'),
    scratch: join(base, 'scratch', 'abcdef01'),
    frozen: join(base, 'frozen'),
  };
  const platform = createPlatform('image-directory', { path: folder }, { uuid: platformUuid, name: 'p', roots });
  return { base, folder, roots, platform };
}

const formats = qemu ? (['raw', 'qcow2', 'vmdk', 'vdi', 'vhdx'] as const) : (['raw'] as const);

platformSuite('image directory', async () => {
  const { base, folder, roots, platform } = await makeSetting();
  const content = new Map<string, Buffer>();
  await mkdir(join(folder, 'web'));
  const names = formats.map((format) => `disk-${format}.${format}`).toSorted();
  for (const name of names) {
    const raw = join(base, 'source');
    content.set(name, await writeRaw(raw, 24 * mib, { 0: noise(name, 5 * mib), [20 * mib]: noise(`${name}2`, 4096) }));
    const image = join(folder, 'web', name);
    if (!name.endsWith('.raw')) qemuImg('convert', '-f', 'raw', '-O', extname(name).slice(1), raw, image);
    else await rename(raw, image);
    await rm(raw, { force: true });
  }
  return {
    platform,
    roots,
    objectName: 'web',
    content,
    deployed: async (vmId, diskId) => {
      const source = await openSource(platform, vmId, new TestScope());
      const disk = source.disks.find((one) => one.disk.id === diskId)?.disk;
      if (disk === undefined) throw new Error(`no disk ${diskId}`);
      const bytes = await readDisk(disk);
      await source.release();
      return bytes;
    },
    traces: async () => (await readdir(folder, { recursive: true })).toSorted(),
    tearDown: () => rm(base, { recursive: true, force: true }),
  };
});

describe('image directory', () => {
  let at: Setting;
  beforeAll(async () => {
    at = await makeSetting();
  });
  afterAll(async () => {
    await rm(at.base, { recursive: true, force: true });
  });
  const find = async (name: string) => (await at.platform.listObjects(signal)).find((object) => object.name === name);

  it('takes files and folders with images for objects and ignores the rest', async () => {
    await writeFile(join(at.folder, 'notes.txt'), 'x');
    await writeFile(join(at.folder, 'b.raw'), Buffer.alloc(1536));
    await writeFile(join(at.folder, 'a.IMG'), Buffer.alloc(512));
    await mkdir(join(at.folder, 'empty'));
    await mkdir(join(at.folder, 'vm'));
    await writeFile(join(at.folder, 'vm', 'z disk.raw'), Buffer.alloc(512));
    await writeFile(join(at.folder, 'vm', 'boot.img'), Buffer.alloc(1024));
    const rows = await at.platform.listObjects(signal);
    expect(rows.map(({ name }) => name)).toEqual(['a.IMG', 'b.raw', 'vm']);
    expect(rows[1]).toEqual({
      uuid: uuid5(platformUuid, 'b.raw'),
      name: 'b.raw',
      state: 'file',
      guestAgent: 'none',
      frozenSince: null,
      disks: [{ id: 'b.raw', format: 'raw', sizeBytes: 1536 }],
    });
    const odd = `d${createHash('sha256').update('z disk.raw').digest('hex').slice(0, 12)}`;
    expect(rows[2]?.disks.map(({ id }) => id)).toEqual(['boot.img', odd]);
    const source = await openSource(at.platform, rows[2]?.uuid ?? '', new TestScope());
    expect(source.configuration.disks.map(({ name }) => name)).toEqual(['boot.img', 'z disk.raw']);
    await source.release();
  });

  it('follows symbolic links inside the folder only', async () => {
    await writeFile(join(at.base, 'secret'), 'secret');
    await symlink(join(at.base, 'secret'), join(at.folder, 'leak.raw'));
    await symlink('b.raw', join(at.folder, 'inner.raw'));
    const leak = await find('leak.raw');
    expect(leak?.disks[0]?.sizeBytes).toBe(0);
    await expect(openSource(at.platform, leak?.uuid ?? '', new TestScope())).rejects.toMatchObject({
      code: 'diskUnsupported',
      message: expect.stringContaining('outside') as unknown,
    });
    const inner = await openSource(at.platform, (await find('inner.raw'))?.uuid ?? '', new TestScope());
    expect(inner.disks[0]?.disk.sizeBytes).toBe(1536);
    await inner.release();
  });

  it.skipIf(lacking(qemu ? undefined : 'qemu-utils are not installed'))(
    'refuses a backing file outside of the folder',
    async () => {
      await writeRaw(join(at.base, 'outer.raw'), mib, {});
      qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '../outer.raw', join(at.folder, 'over.qcow2'));
      const scope = new TestScope();
      await expect(openSource(at.platform, (await find('over.qcow2'))?.uuid ?? '', scope)).rejects.toMatchObject({
        code: 'diskUnsupported',
      });
      expect(scope.open).toEqual([]);
    },
  );

  it('says which folder is missing or no folder', async () => {
    const gone = join(at.base, 'gone');
    const other = (path: string) =>
      createPlatform('image-directory', { path }, { uuid: platformUuid, name: 'p', roots: at.roots });
    for (const path of [gone, join(at.folder, 'b.raw')]) {
      await expect(other(path).listObjects(signal)).rejects.toMatchObject({
        code: 'platformUnreachable',
        message: expect.stringContaining(path) as unknown,
      });
    }
    expect((await other(gone).test(signal)).map(({ ok }) => ok)).toEqual([false]);
  });

  it('tells an image that went away', async () => {
    await writeFile(join(at.folder, 'brief.raw'), Buffer.alloc(512));
    const brief = await find('brief.raw');
    await rm(join(at.folder, 'brief.raw'));
    await expect(openSource(at.platform, brief?.uuid ?? '', new TestScope())).rejects.toMatchObject({
      code: 'objectVanished',
    });
    await symlink('nowhere.raw', join(at.folder, 'dangling.raw'));
    await expect(
      openSource(at.platform, (await find('dangling.raw'))?.uuid ?? '', new TestScope()),
    ).rejects.toMatchObject({
      code: 'diskMissing',
    });
  });

  it('keeps hostile names of a backup inside its folder', async () => {
    const source = await openSource(at.platform, (await find('b.raw'))?.uuid ?? '', new TestScope());
    const { configuration } = source;
    await source.release();
    const disk = { ...configuration.disks[0], format: 'raw', sizeBytes: 512 } as (typeof configuration.disks)[number];
    const hostile = {
      ...configuration,
      name: '../../evil',
      disks: [
        { ...disk, id: 'a', name: '../../../etc/passwd' },
        { ...disk, id: 'b', name: '..' },
        { ...disk, id: 'c', name: '\u0000x.raw' },
        { ...disk, id: 'd', name: '_x.raw' },
      ],
    };
    const scope = new TestScope();
    const request = { configuration: hostile, nativeFiles: new Map(), name: undefined, storage: undefined };
    const deployment = await at.platform.prepareDeploy(request, scope);
    for (const id of ['a', 'b', 'c', 'd']) await (await deployment.openDisk(id)).close();
    await deployment.finish({ start: true });
    expect(deployment.vmName).toBe('.._.._evil');
    expect(scope.warnings).toHaveLength(1);
    expect((await readdir(join(at.folder, '.._.._evil'))).toSorted()).toEqual(
      ['.._.._.._etc_passwd.raw', '_x.raw', '_x-2.raw', 'b.raw'].toSorted(),
    );
  });

  it('is cleaned up after a killed restore, and only that', async () => {
    const source = await openSource(at.platform, (await find('b.raw'))?.uuid ?? '', new TestScope());
    const scope = new TestScope();
    const request = { configuration: source.configuration, nativeFiles: new Map(), name: 'killed', storage: undefined };
    const deployment = await at.platform.prepareDeploy(request, scope);
    await (await deployment.openDisk('b.raw')).close();
    await source.release();
    const [left] = scope.open;
    if (left === undefined) throw new Error('nothing journalled');
    expect(await releaseLeftover(left)).toBe(true);
    expect(await readdir(at.folder)).not.toContain('killed');
    expect(await releaseLeftover(left)).toBe(true);
    // The same name, made by someone else meanwhile.
    await mkdir(join(at.folder, 'killed'));
    expect(await releaseLeftover(left)).toBe(false);
    expect(await readdir(at.folder)).toContain('killed');
  });

  itAsUser('says when it may not write', async () => {
    await chmod(at.folder, 0o500);
    const request = {
      configuration: (await openSource(at.platform, (await find('b.raw'))?.uuid ?? '', new TestScope())).configuration,
      nativeFiles: new Map(),
      name: 'denied',
      storage: undefined,
    };
    await expect(at.platform.prepareDeploy(request, new TestScope())).rejects.toMatchObject({
      code: 'deployImpossible',
    });
    await chmod(at.folder, 0o700);
  });
});

describe('uuid5', () => {
  it('agrees with the example of RFC 9562', () => {
    expect(uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    );
  });
});
