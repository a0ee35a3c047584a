// Restored virtual machines on real libvirt; `npm run test:lab`.
import { readdir } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { releaseLeftover } from '../../agent/platforms/leftovers.ts';
import type { DeployRequest } from '../../agent/platforms/platform.ts';
import { mib, readDisk } from '../agent/disks/images.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { openSource } from '../agent/platforms/open-source.ts';
import { lacking } from '../helpers/needs.ts';
import { Guest, labMissing, virsh, vmLab } from './lab.ts';
import { expectNothingLeft, labPlatform, roots, startLab } from './libvirt-lab.ts';

const platform = labPlatform();

describe.skipIf(lacking(labMissing()))('a restored virtual machine', () => {
  beforeAll(startLab);

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
