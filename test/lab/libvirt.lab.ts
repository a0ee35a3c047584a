import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceDisk } from '../../agent/disks/disk.ts';
import { releaseLeftover } from '../../agent/platforms/leftovers.ts';
import type { DeployRequest } from '../../agent/platforms/platform.ts';
import { mib, readDisk } from '../agent/disks/images.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { openSource } from '../agent/platforms/open-source.ts';
import { platformSuite } from '../suites/platform-suite.ts';
import { checkLoad, Guest, labMissing, labUri, virsh, vmLab, withMounted } from './lab.ts';
import { lacking } from '../helpers/needs.ts';
import {
  checkpointsOf,
  diskOf,
  expectNothingLeft,
  killedReader,
  labPlatform,
  rawOf,
  roots,
  startLab,
} from './libvirt-lab.ts';

const missing = labMissing();
const lab = describe.skipIf(lacking(missing));

const platform = labPlatform();
const signal = new AbortController().signal;

let folder: string;
beforeAll(async () => {
  if (missing !== undefined) return;
  await startLab();
  folder = await mkdtemp('/var/tmp/hf-lab-');
});
afterAll(async () => {
  if (missing === undefined) await rm(folder, { recursive: true, force: true });
});

async function saveDisk(disk: SourceDisk, path: string): Promise<void> {
  const file = await open(path, 'w');
  await file.writeFile(await readDisk(disk));
  await file.close();
}

if (missing === undefined) {
  platformSuite('libvirt, shut off', async () => {
    const guest = Guest.up('contract', { disks: 2, formats: ['qcow2', 'raw'], start: false });
    const content = new Map([
      ['vda', await rawOf(guest.image(0, 'qcow2'), 'qcow2')],
      ['vdb', await rawOf(guest.image(1, 'raw'), 'raw')],
    ]);
    return {
      platform,
      roots,
      objectName: guest.domain,
      content,
      deployed: (vmId, diskId) => {
        const line = virsh('domblklist', vmId)
          .split('\n')
          .find((text) => text.trim().startsWith(`${diskId} `));
        const path = line?.trim().split(/\s+/u)[1] ?? '';
        return rawOf(path, path.endsWith('.qcow2') ? 'qcow2' : 'raw');
      },
      traces: async () =>
        [...(await readdir(guest.folder)), ...virsh('list', '--all', '--name').split('\n')].toSorted(),
      tearDown: async () => {
        virsh('undefine', `${guest.domain}-2`);
        guest.down();
      },
    };
  });
}

lab('a running virtual machine', () => {
  let guest: Guest;
  beforeAll(() => {
    guest = Guest.up('live', { disks: 2, size: '128M', formats: ['raw', 'qcow2'] });
  });
  afterAll(() => {
    guest.down();
  });

  it('is listed with its agent', async () => {
    const found = (await platform.listObjects(signal)).find(({ uuid }) => uuid === guest.uuid);
    expect(found).toEqual({
      uuid: guest.uuid,
      name: guest.domain,
      state: 'running',
      guestAgent: 'connected',
      frozenSince: null,
      disks: [
        { id: 'vda', format: 'raw', sizeBytes: 128 * mib },
        { id: 'vdb', format: 'qcow2', sizeBytes: 128 * mib },
      ],
    });
  });

  it('is copied at one point in time while it writes', async () => {
    guest.load('start');
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope);
    const copy = join(folder, 'load.raw');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await saveDisk(diskOf(source, 'vdb'), copy);
    expect(source.broken()).toBeUndefined();
    await source.release();
    await source.dropCheckpoint();
    guest.load('stop');
    expect(withMounted(copy, (mounted) => checkLoad(join(mounted, 'load')))).toMatch(/^consistent: 256 blocks/u);
    expect(source.nativeFiles.map(({ name }) => name)).toEqual(['domain.xml', 'domain-live.xml']);
    await expectNothingLeft(scope);
    expect(virsh('domjobinfo', guest.domain)).toMatch(/None/u);
  });

  it('is copied byte for byte while paused', async () => {
    guest.exec('sync');
    virsh('suspend', guest.domain);
    try {
      const scope = new TestScope();
      const source = await openSource(platform, guest.uuid, scope);
      for (const [id, image, format] of [
        ['vda', guest.image(0, 'raw'), 'raw'],
        ['vdb', guest.image(1, 'qcow2'), 'qcow2'],
      ] as const) {
        expect((await readDisk(diskOf(source, id))).equals(await rawOf(image, format))).toBe(true);
      }
      await source.release();
      await source.dropCheckpoint();
      await expectNothingLeft(scope);
    } finally {
      virsh('resume', guest.domain);
    }
  });

  it('is refused while another backup runs, and that one goes on', async () => {
    const first = new TestScope();
    const source = await openSource(platform, guest.uuid, first);
    const second = new TestScope();
    await expect(openSource(platform, guest.uuid, second)).rejects.toMatchObject({ code: 'objectBusy' });
    expect(second.open).toEqual([]);
    expect((await diskOf(source, 'vda').read(0, 4096)).length).toBe(4096);
    await source.release();
    await source.dropCheckpoint();
    await expectNothingLeft(first);
  });

  it('is left clean when the job is cancelled', async () => {
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope);
    scope.cancel();
    await expect(diskOf(source, 'vda').read(0, 4096)).rejects.toMatchObject({ code: 'cancelled' });
    expect(source.broken()).toBeUndefined();
    await source.release();
    await source.dropCheckpoint();
    await expectNothingLeft(scope);
    expect(virsh('domjobinfo', guest.domain)).toMatch(/None/u);
  });

  it('is left clean when the reader is killed', async () => {
    const left = await killedReader(guest.uuid);
    expect(left.map(({ kind }) => kind)).toEqual(['folder', 'folder', 'libvirtCheckpoint', 'libvirtJob']);
    expect(virsh('domjobinfo', guest.domain)).toMatch(/Backup/u);
    for (const resource of left.toReversed()) expect(await releaseLeftover(resource)).toBe(true);
    for (const resource of left) expect(await releaseLeftover(resource)).toBe(true);
    expect(virsh('domjobinfo', guest.domain)).toMatch(/None/u);
    expect(checkpointsOf(guest)).toEqual([]);
    await expectNothingLeft();
  });

  it('does not end a job that is not ours', async () => {
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope);
    const foreign = { uri: labUri, domain: guest.uuid, socket: '/run/holdfast/lab00001/other/backup.sock' };
    expect(await releaseLeftover({ kind: 'libvirtJob', name: JSON.stringify(foreign) })).toBe(true);
    expect((await diskOf(source, 'vda').read(0, 512)).length).toBe(512);
    await source.release();
    await source.dropCheckpoint();
  });

  it('tells when it is switched off under the reader', async () => {
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope);
    virsh('destroy', guest.domain);
    await expect(diskOf(source, 'vdb').read(0, 4096)).rejects.toMatchObject({ code: 'diskReadFailed' });
    expect(source.broken()).toMatch(/powered off/u);
    await source.release();
    await source.dropCheckpoint();
    await expectNothingLeft(scope);
  });
});

lab('a virtual machine that is shut off', () => {
  let guest: Guest;
  beforeAll(() => {
    guest = Guest.up('cold', { disks: 1, size: '128M', formats: ['qcow2'], start: false });
  });
  afterAll(() => {
    guest.down();
  });

  it('can be started while it is read, which is a warning', async () => {
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope);
    expect((await diskOf(source, 'vda').read(0, mib)).length).toBe(mib);
    guest.start();
    expect(guest.state).toBe('running');
    await source.release();
    await source.dropCheckpoint();
    expect(scope.warnings).toEqual([expect.stringContaining('not consistent')]);
    await expectNothingLeft(scope);
    guest.shutDown();
  });

  it('names a disk file that is missing', async () => {
    const scope = new TestScope();
    await rm(guest.image(0, 'qcow2'));
    await expect(openSource(platform, guest.uuid, scope)).rejects.toMatchObject({
      code: 'diskMissing',
      message: expect.stringContaining(guest.image(0, 'qcow2')) as unknown,
    });
    await expectNothingLeft(scope);
  });
});

lab('a restored virtual machine', () => {
  it('runs beside its original', async () => {
    const guest = Guest.up('twin', { disks: 2, size: '64M', formats: ['qcow2', 'raw'] });
    const scope = new TestScope();
    guest.exec('echo kept > /data/vda/kept; sync');
    const source = await openSource(platform, guest.uuid, scope);
    const request: DeployRequest = {
      configuration: source.configuration,
      nativeFiles: new Map(source.nativeFiles.map(({ name, content }) => [name, content])),
      name: 'lab-twin-copy',
      storage: undefined,
      dataBytes: mib,
    };
    const deployScope = new TestScope();
    const deployment = await platform.prepareDeploy(request, deployScope);
    for (const { disk } of source.disks) {
      const target = await deployment.openDisk(disk.id);
      await target.write(0, await readDisk(disk));
      await target.close();
    }
    await source.release();
    await source.dropCheckpoint();
    try {
      const made = await deployment.finish({ start: true });
      expect(deployScope.warnings).toEqual([]);
      expect(made.vmName).toBe('lab-twin-copy');
      expect(virsh('domstate', made.vmId).trim()).toBe('running');
      vmLab('wait', 'twin-copy');
      expect(vmLab('exec', 'twin-copy', 'cat /data/vda/kept').trim()).toBe('kept');
      expect(guest.exec('cat /data/vda/kept').trim()).toBe('kept');
      await expectNothingLeft(scope);
      expect(deployScope.open).toEqual([]);
    } finally {
      virsh('destroy', 'lab-twin-copy');
      virsh('undefine', 'lab-twin-copy');
      guest.down();
    }
  });

  it('is removed again after a killed restore', async () => {
    const guest = Guest.up('killed', { disks: 1, formats: ['qcow2'], start: false });
    const source = await openSource(platform, guest.uuid, new TestScope());
    const scope = new TestScope();
    const request = {
      configuration: source.configuration,
      nativeFiles: new Map(source.nativeFiles.map(({ name, content }) => [name, content])),
      name: undefined,
      storage: undefined,
    };
    const before = await readdir(guest.folder);
    const deployment = await platform.prepareDeploy(request, scope);
    await deployment.openDisk('vda');
    await source.release();
    await source.dropCheckpoint();
    for (const resource of scope.open.slice().toReversed()) expect(await releaseLeftover(resource, roots)).toBe(true);
    expect(await readdir(guest.folder)).toEqual(before);
    await expectNothingLeft();
    guest.down();
  });
});
