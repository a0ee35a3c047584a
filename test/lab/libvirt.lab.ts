import { readFileSync } from 'node:fs';
import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceDisk } from '../../agent/disks/disk.ts';
import { releaseLeftover } from '../../agent/platforms/leftovers.ts';
import { quiesceSchema } from '../../shared/model/job.ts';
import { mib, qemuImg, readDisk } from '../agent/disks/images.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { newCheckpointName, openSource, unquiesced } from '../agent/platforms/open-source.ts';
import { platformSuite } from '../suites/platform-suite.ts';
import { checkLoad, Guest, labMissing, labUri, startLibvirtd, virsh, withMounted } from './lab.ts';
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

  it('is frozen for the point in time', async () => {
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope, { quiesce: { freeze: true } });
    const { level, frozenAt, thawedAt, problem } = source.consistency();
    expect({ level, problem }).toEqual({ level: 'filesystem', problem: null });
    expect(source.takenAt).toBeGreaterThanOrEqual(frozenAt ?? Number.NaN);
    expect(source.takenAt).toBeLessThanOrEqual(thawedAt ?? Number.NaN);
    expect(guest.exec('echo x > /data/vdb/x && sync && echo alive').trim()).toBe('alive');
    await source.release();
    await source.dropCheckpoint();
    await expectNothingLeft(scope);
  });

  it('is read on while libvirtd is killed and started again', async () => {
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope);
    const disk = diskOf(source, 'vdb');
    await disk.read(0, mib);
    killLibvirtd();
    await disk.read(mib, mib);
    startLibvirtd();
    expect((await readDisk(disk)).length).toBe(128 * mib);
    expect(source.broken()).toBeUndefined();
    await source.release();
    await source.keepCheckpoint();
    expect(checkpointsOf(guest)).toHaveLength(1);
    expect(scope.warnings).toEqual([]);
    await expectNothingLeft(scope);
    virsh('checkpoint-delete', guest.domain, checkpointsOf(guest)[0] ?? '');
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

  it('is read in the way that fits when it was started or shut off after it was looked at', async () => {
    for (const change of [() => guest.start(), () => guest.shutDown()]) {
      const scope = new TestScope();
      const prospect = await platform.inspect(guest.uuid, scope, quiesceSchema.parse({}));
      change();
      const source = await prospect.open({
        checkpoint: { name: newCheckpointName(), repositoryId: 'r1', full: true },
        bases: new Map(),
      });
      expect((await diskOf(source, 'vda').read(0, mib)).length).toBe(mib);
      await source.release();
      expect(source.consistency().level).toBe('filesystem');
      await source.dropCheckpoint();
      expect(scope.warnings).toEqual([]);
      await expectNothingLeft(scope);
    }
  });

  it('is read whole when it stands on a backing file, and gets no checkpoint', async () => {
    const xml = virsh('dumpxml', guest.domain);
    const image = guest.image(0, 'qcow2');
    const file = join(folder, 'over.xml');
    const top = join(folder, 'top.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', top);
    await writeFile(file, xml.replace(image, top));
    virsh('define', file);
    const scope = new TestScope();
    const [disk] = (await platform.inspect(guest.uuid, scope, unquiesced)).disks;
    expect(disk).toMatchObject({ checkpoints: [], withoutChanges: 'backingChain', sourcePath: top });
    const source = await openSource(platform, guest.uuid, scope);
    expect(source.disks[0]).toMatchObject({ checkpoint: null, changes: undefined });
    expect((await readDisk(diskOf(source, 'vda'))).equals(await rawOf(image, 'qcow2'))).toBe(true);
    await source.release();
    await source.keepCheckpoint();
    expect(scope.warnings).toEqual([]);
    await expectNothingLeft(scope);
    await writeFile(file, xml);
    virsh('define', file);
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

/** As a crash of libvirtd: its virtual machines run on. */
function killLibvirtd(): void {
  const pid = Number(readFileSync('/run/libvirtd.pid', 'utf8'));
  process.kill(pid, 'SIGKILL');
}
