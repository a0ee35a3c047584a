// The whole walk on a real VM through all three programs: what `npm test` runs on one lab VM.
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import { qemuImg } from '../agent/disks/images.ts';
import { hashFile } from '../helpers/random-file.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { Restic } from '../helpers/restic.ts';
import { checkLoad, Guest, labMissing, labUri, startLibvirtd, virsh, withMounted } from './lab.ts';
import { lacking } from '../helpers/needs.ts';
import { expectNothingLeft } from './nothing-left.ts';

const missing = labMissing();

describe.skipIf(lacking(missing))('a real VM with a qcow2 and a raw disk', () => {
  let lab: Lab;
  let guest: Guest;
  let uuid: string;
  /** Hashes of the files inside, taken before the backup. */
  let inside: string;
  let twin: string | undefined;

  beforeAll(async () => {
    startLibvirtd();
    lab = await Lab.create();
    guest = Guest.up('first-light', { disks: 2, size: '320M', formats: ['qcow2', 'raw'] });
    uuid = guest.uuid;
    guest.exec(
      'mkdir /data/vda/d; for i in 1 2 3 4 5 6 7 8; do dd if=/dev/urandom of=/data/vda/d/$i bs=64k count=40 2>/dev/null; done; cp -r /data/vda/d /data/vdb/; sync',
    );
    inside = guest.exec('cd /data; sha256sum vda/d/* vdb/d/*');
    await lab.startEngine();
    await lab.addAgent('node1');
    await lab.ok('platforms', 'add', '--client', 'node1', '--kind', 'libvirt', '--uri', labUri);
    await lab.addPool('node1');
    await lab.ok(
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
      '--type',
      'full',
    );
  });
  afterAll(async () => {
    if (twin !== undefined) {
      if (virsh('domstate', twin).trim() === 'running') virsh('destroy', twin);
      virsh('undefine', twin, '--nvram');
    }
    guest.down();
    await lab.close();
  });

  const restic = () => Restic.at(lab.path('pool'), poolPassword);

  async function backUp(): Promise<{ task: TaskView; snapshot: string }> {
    const task = await lab.ended(await lab.run('vm'));
    expect(task.error).toBeNull();
    const backup = await lab.ok('backups', 'show', String(task.backupId));
    return { task, snapshot: String(backup['snapshotId']) };
  }

  it('is listed with its disks, its agent, and without its CD-ROM', async () => {
    const row = (await lab.rows('objects', 'list')).find((object) => object['uuid'] === uuid);
    expect(row).toMatchObject({
      name: guest.domain,
      state: 'running',
      guestAgent: 'connected',
      platform: 'libvirt',
      disks: [
        { id: 'vda', format: 'qcow2', sizeBytes: 320 * 1024 * 1024 },
        { id: 'vdb', format: 'raw', sizeBytes: 320 * 1024 * 1024 },
      ],
    });
  });

  it('is copied at one point in time while it is being written to', async () => {
    guest.load('start');
    try {
      const { task, snapshot } = await backUp();
      expect(task).toMatchObject({ state: 'done', warnings: [] });
      expect(task.disks.map(({ id, mode }) => ({ id, mode }))).toEqual([
        { id: 'vda', mode: 'full' },
        { id: 'vdb', mode: 'full' },
      ]);
      const copy = await (await restic()).restore(snapshot);
      withMounted(`${copy}/vm/${uuid}/disks/vdb/disk.raw`, (folder) => {
        expect(checkLoad(`${folder}/load`)).toMatch(/^consistent/u);
      });
      await expectNothingLeft(lab, guest);
    } finally {
      guest.load('stop');
    }
  });

  it('is byte-identical while it is paused from outside', async () => {
    virsh('suspend', guest.domain);
    try {
      const { snapshot } = await backUp();
      for (const [disk, image, format] of [
        ['vda', guest.image(0, 'qcow2'), 'qcow2'],
        ['vdb', guest.image(1, 'raw'), 'raw'],
      ] as const) {
        const raw = lab.path(`${disk}.raw`);
        qemuImg('convert', '-U', '-f', format, '-O', 'raw', image, raw);
        expect(await (await restic()).dumpHash(snapshot, `/vm/${uuid}/disks/${disk}/disk.raw`)).toBe(
          await hashFile(raw),
        );
      }
      await expectNothingLeft(lab, guest, 'paused');
    } finally {
      virsh('resume', guest.domain);
    }
  });

  it('boots as a deployed copy beside its original, with the same files inside', async () => {
    const [backup] = await lab.rows('backups', 'list');
    const { code, json } = await lab.cli('restore', String(backup?.['id']), '--deploy', '--start', '--wait');
    const task = await lab.task((json as { taskIds: number[] }).taskIds[0] ?? 0);
    expect({ code, error: task.error, warnings: task.warnings }).toEqual({ code: 0, error: null, warnings: [] });
    const made = task.result as { vmId: string; vmName: string };
    twin = made.vmName;
    expect(made.vmName).toBe(`${guest.domain}-2`);
    expect(guest.state).toBe('running');
    await lab.until('the agent of the copy', async () => agentAnswers(made.vmName), 90);
    expect(hashesInside(made.vmName)).toBe(inside);
    expect(guest.exec('cd /data; sha256sum vda/d/* vdb/d/*')).toBe(inside);
    virsh('destroy', made.vmName);
  });

  it('kill -9 of the agent in the middle: the VM runs on, nothing is left, the next backup succeeds', async () => {
    // The repository must have something to store, else the copy is over at once.
    guest.exec('dd if=/dev/urandom of=/data/vda/more bs=1M count=120 2>/dev/null; sync');
    const id = await lab.run('vm');
    await lab.untilStep('node1', 'copyingData');
    await lab.agent('node1').kill('SIGKILL');
    expect(guest.exec('echo alive').trim()).toBe('alive');
    await lab.startAgent('node1');
    expect((await lab.ended(id)).error).toMatchObject({ code: 'agentStopped' });
    await expectNothingLeft(lab, guest);
    expect((await backUp()).task.state).toBe('done');
  });

  it('is read from its files when it is shut off', async () => {
    guest.shutDown();
    const { task, snapshot } = await backUp();
    expect(task).toMatchObject({ state: 'done', warnings: [] });
    const raw = lab.path('off.raw');
    qemuImg('convert', '-f', 'qcow2', '-O', 'raw', guest.image(0, 'qcow2'), raw);
    expect(await (await restic()).dumpHash(snapshot, `/vm/${uuid}/disks/vda/disk.raw`)).toBe(await hashFile(raw));
    await expectNothingLeft(lab, guest, 'shut off');
  });

  it('restores into a folder with its domain XML', async () => {
    const [backup] = await lab.rows('backups', 'list');
    expect(await lab.cli('restore', String(backup?.['id']), '--to', lab.path('unpacked'), '--wait')).toMatchObject({
      code: 0,
    });
    expect(await readFile(lab.path('unpacked', uuid, 'native', 'domain.xml'), 'utf8')).toContain(uuid);
    expect(await readdir(lab.path('unpacked', uuid, 'disks'))).toEqual(['vda', 'vdb']);
    const status = await readFile(`/proc/${lab.agent('node1').pid}/status`, 'utf8');
    console.log(`peak memory of the agent over all of this: ${/VmHWM:\s+(\d+)/u.exec(status)?.[1]} KiB`);
  });
});

function agentAnswers(domain: string): boolean {
  try {
    return virsh('qemu-agent-command', domain, '--timeout', '2', '{"execute":"guest-ping"}').includes('return');
  } catch {
    // Not up yet.
    return false;
  }
}

/** Runs sha256sum in a domain that vm-lab does not know. */
function hashesInside(domain: string): string {
  const start = {
    execute: 'guest-exec',
    arguments: { path: '/bin/sh', arg: ['-c', 'cd /data; sha256sum vda/d/* vdb/d/*'], 'capture-output': true },
  };
  const { pid } = (
    JSON.parse(virsh('qemu-agent-command', domain, JSON.stringify(start))) as { return: { pid: number } }
  ).return;
  const status = JSON.stringify({ execute: 'guest-exec-status', arguments: { pid } });
  for (;;) {
    const reply = (
      JSON.parse(virsh('qemu-agent-command', domain, status)) as { return: { exited: boolean; 'out-data'?: string } }
    ).return;
    if (reply.exited) return Buffer.from(reply['out-data'] ?? '', 'base64').toString('utf8');
  }
}
