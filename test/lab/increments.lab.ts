// Changed blocks of a real VM through engine, agent and repository, with the guest writing what the test tells it to.
import { rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import type { DiffPage } from '../../shared/model/diff.ts';
import { qemuImg } from '../agent/disks/images.ts';
import { lacking } from '../helpers/needs.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile } from '../helpers/random-file.ts';
import { Restic } from '../helpers/restic.ts';
import { checkLoad, Guest, labMissing, labUri, startLibvirtd, virsh, withMounted } from './lab.ts';
import { checkpointsOf, expectNothingLeft } from './nothing-left.ts';

const missing = labMissing();
const mib = 1024 * 1024;

describe.skipIf(lacking(missing))('increments of a real VM', () => {
  let lab: Lab;
  let guest: Guest;
  let uuid: string;

  beforeAll(async () => {
    startLibvirtd();
    lab = await Lab.create();
    guest = Guest.up('increments', { disks: 1, size: '1G' });
    uuid = guest.uuid;
    guest.exec('dd if=/dev/urandom of=/data/vda/first bs=1M count=60 2>/dev/null; sync');
    await lab.startEngine();
    await lab.addAgent('node1');
    await lab.ok('platforms', 'add', '--client', 'node1', '--kind', 'libvirt', '--uri', labUri);
    await lab.addPool('node1');
    const rule = [
      'rules',
      'add',
      '--name',
      'vm',
      '--platform',
      'libvirt',
      '--object',
      guest.domain,
      '--pool',
      'Default',
    ];
    await lab.ok(...rule, '--type', 'incremental');
  });
  afterAll(async () => {
    guest.down();
    await lab.close();
  });

  async function backUp(...options: string[]): Promise<TaskView> {
    const { taskIds } = await lab.ok('rules', 'run', 'vm', ...options);
    const task = await lab.ended((taskIds as number[])[0] ?? 0);
    expect(task.error).toBeNull();
    return task;
  }

  /** The paused VM's point is what its image holds. */
  async function expectSame(task: TaskView, disk: string, image: string, format = 'qcow2'): Promise<void> {
    const backup = await lab.ok('backups', 'show', String(task.backupId));
    const raw = lab.path('same.raw');
    qemuImg('convert', '-U', '-f', format, '-O', 'raw', image, raw);
    const restic = await Restic.at(lab.path('pool'), poolPassword);
    const path = `/vm/${uuid}/disks/${disk}/disk.raw`;
    expect(await restic.dumpHash(String(backup['snapshotId']), path)).toBe(await hashFile(raw));
    await rm(raw);
  }

  async function whilePaused(work: () => Promise<void>): Promise<void> {
    virsh('suspend', guest.domain);
    try {
      await work();
    } finally {
      virsh('resume', guest.domain);
    }
  }

  it('the first run is a full one and says why; the guest stood still for it', async () => {
    const task = await backUp();
    expect(task).toMatchObject({
      state: 'done',
      mode: 'incremental',
      consistency: 'filesystem',
      disks: [{ id: 'vda', mode: 'full', reason: 'firstPoint', baseBackupId: null }],
    });
    expect(task.frozenMilliseconds).toBeGreaterThan(0);
    const backup = await lab.ok('backups', 'show', String(task.backupId));
    expect(backup).toMatchObject({ type: 'full', refId: null, consistency: 'filesystem' });
    await expectNothingLeft(lab, guest);
  });

  it('16 MiB written in one run: at most 32 MiB are read, at most 24 MiB stored', async () => {
    await backUp();
    guest.exec('dd if=/dev/urandom of=/data/vda/second bs=1M count=16 2>/dev/null; sync');
    const task = await backUp();
    const [disk] = task.disks;
    expect(disk).toMatchObject({ id: 'vda', mode: 'incremental', reason: null });
    expect(disk?.baseBackupId).not.toBeNull();
    expect(disk?.bytesRead).toBeGreaterThanOrEqual(16 * mib);
    expect(disk?.bytesRead).toBeLessThanOrEqual(32 * mib);
    expect(disk?.bytesStored).toBeLessThanOrEqual(24 * mib);
    expect(disk?.plannedBytes).toBe(disk?.bytesRead);
    const backup = await lab.ok('backups', 'show', String(task.backupId));
    expect(backup).toMatchObject({ type: 'incremental', refId: disk?.baseBackupId });
    expect(checkpointsOf(guest).length).toBeLessThanOrEqual(2);
    await expectNothingLeft(lab, guest);
  });

  it('is byte-identical while it is paused, and a differential goes back to the last full point', async () => {
    guest.exec('dd if=/dev/urandom of=/data/vda/third bs=1M count=8 2>/dev/null; rm /data/vda/second; sync');
    await whilePaused(async () => {
      const task = await backUp();
      expect(task.disks[0]?.mode).toBe('incremental');
      await expectSame(task, 'vda', guest.image(0, 'qcow2'));
      const differential = await backUp('--type', 'differential');
      expect(differential.disks[0]).toMatchObject({ mode: 'differential', reason: null });
      expect(differential.disks[0]?.bytesRead).toBeGreaterThan(task.disks[0]?.bytesRead ?? 0);
      await expectSame(differential, 'vda', guest.image(0, 'qcow2'));
    });
    await expectNothingLeft(lab, guest);
  });

  it('a reread finds that the bitmap told the truth, and stores next to nothing', async () => {
    await whilePaused(async () => {
      const task = await backUp('--reread');
      expect(task.disks[0]).toMatchObject({ mode: 'full', reason: 'reread' });
      expect(task.warnings.filter((text) => text.includes('differs'))).toEqual([]);
      expect(task.bytesStored).toBeLessThan(mib);
      await expectSame(task, 'vda', guest.image(0, 'qcow2'));
    });
  });

  it('names what two points differ in', async () => {
    const before = await backUp();
    guest.exec('dd if=/dev/urandom of=/data/vda/fourth bs=1M count=4 2>/dev/null; sync');
    const after = await backUp();
    const { json } = await lab.cli('backups', 'diff', String(before.backupId), String(after.backupId));
    const { disks } = json as DiffPage;
    expect(disks.map(({ id }) => id)).toEqual(['vda']);
    const changed = disks[0]?.changedBytes ?? 0;
    expect(changed).toBeGreaterThanOrEqual(4 * mib);
    expect(changed).toBeLessThanOrEqual(after.disks[0]?.bytesRead ?? 0);
    expect(disks[0]?.extents.reduce((sum, { length }) => sum + length, 0)).toBe(changed);
    const same = await lab.cli('backups', 'diff', String(after.backupId), String(after.backupId));
    expect((same.json as DiffPage).disks).toEqual([{ id: 'vda', changedBytes: 0, extents: [] }]);
  });

  it('one disk is added: that one is read whole with a reason, the other stays incremental', async () => {
    const added = `${guest.folder}/added.qcow2`;
    qemuImg('create', '-f', 'qcow2', added, '64M');
    await writeFile(
      lab.path('added.xml'),
      `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${added}'/><target dev='vdb' bus='virtio'/></disk>`,
    );
    virsh('attach-device', guest.domain, lab.path('added.xml'), '--persistent');
    guest.exec('dd if=/dev/urandom of=/dev/vdb bs=1M count=3 2>/dev/null; sync');
    const task = await backUp();
    expect(task.disks.map(({ id, mode, reason }) => ({ id, mode, reason }))).toEqual([
      { id: 'vda', mode: 'incremental', reason: null },
      { id: 'vdb', mode: 'full', reason: 'diskAdded' },
    ]);
    const next = await backUp();
    expect(next.disks.map(({ mode }) => mode)).toEqual(['incremental', 'incremental']);
    virsh('detach-disk', guest.domain, 'vdb', '--persistent');
    await lab.until('the disk to go', async () => !virsh('domblklist', guest.domain).includes('vdb'));
    const without = await backUp();
    expect(without.disks.map(({ id, mode }) => ({ id, mode }))).toEqual([{ id: 'vda', mode: 'incremental' }]);
    await expectNothingLeft(lab, guest);
  });

  it('is one point in time under a write load', async () => {
    guest.load('start');
    try {
      const task = await backUp();
      expect(task).toMatchObject({ state: 'done', consistency: 'filesystem' });
      expect(task.disks[0]?.mode).toBe('incremental');
      const backup = await lab.ok('backups', 'show', String(task.backupId));
      const copy = await (await Restic.at(lab.path('pool'), poolPassword)).restore(String(backup['snapshotId']));
      withMounted(`${copy}/vm/${uuid}/disks/vda/disk.raw`, (folder) => {
        expect(checkLoad(`${folder}/load`)).toMatch(/^consistent/u);
      });
    } finally {
      guest.load('stop');
    }
  });

  it('two pools have lineages of their own', async () => {
    const password = await lab.passwordFile('other password');
    const place = ['--kind', 'local', '--client', 'node1', '--path', lab.path('other'), '--password-file', password];
    await lab.ok('pools', 'add', '--name', 'Other', ...place);
    const rule = ['--name', 'other', '--platform', 'libvirt', '--object', guest.domain, '--pool', 'Other'];
    await lab.ok('rules', 'add', ...rule, '--type', 'incremental');
    const runOther = async () => lab.ended(await lab.run('other'));
    expect((await runOther()).disks[0]).toMatchObject({ mode: 'full', reason: 'firstPoint' });
    guest.exec('dd if=/dev/urandom of=/data/vda/fifth bs=1M count=4 2>/dev/null; sync');
    expect((await backUp()).disks[0]?.bytesRead).toBeGreaterThanOrEqual(4 * mib);
    // The run of the one pool took nothing from the other's changes.
    const other = (await runOther()).disks[0];
    expect(other).toMatchObject({ mode: 'incremental' });
    expect(other?.bytesRead).toBeGreaterThanOrEqual(4 * mib);
  });

  it('goes on while the VM is shut off, and after it was started again', async () => {
    guest.exec('dd if=/dev/urandom of=/data/vda/sixth bs=1M count=4 2>/dev/null; sync');
    guest.shutDown();
    const off = await backUp();
    expect(off).toMatchObject({ state: 'done', disks: [{ id: 'vda', mode: 'incremental', reason: null }] });
    expect(off.disks[0]?.bytesRead).toBeLessThan(64 * mib);
    await expectSame(off, 'vda', guest.image(0, 'qcow2'));
    await expectNothingLeft(lab, guest, 'shut off');
    const unchanged = await backUp();
    expect(unchanged.disks[0]).toMatchObject({ mode: 'incremental', bytesRead: 0 });
    guest.start();
    guest.exec('dd if=/dev/urandom of=/data/vda/seventh bs=1M count=4 2>/dev/null; sync');
    const on = await backUp();
    expect(on.disks[0]).toMatchObject({ mode: 'incremental', reason: null });
    await whilePaused(async () => expectSame(await backUp(), 'vda', guest.image(0, 'qcow2')));
  });
});
