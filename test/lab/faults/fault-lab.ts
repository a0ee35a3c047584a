import { rm } from 'node:fs/promises';
import { expect } from 'vitest';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import { qemuImg } from '../../agent/disks/images.ts';
import { Lab, poolPassword } from '../../helpers/programs.ts';
import { hashFile } from '../../helpers/random-file.ts';
import { Restic } from '../../helpers/restic.ts';
import { Guest, labUri, startLibvirtd, virsh } from '../lab.ts';
import { expectNoTraces } from '../nothing-left.ts';
import { SmallStorage } from './small-storage.ts';

/** Slow enough that a copy of some MiB can be hit in the middle. */
const slowRate = '4MiB';

/** Engine, agent and one VM with a qcow2 and a raw disk, whose pool and scratch can be filled. */
export class FaultLab {
  readonly lab: Lab;
  readonly guest: Guest;
  readonly uuid: string;

  /** Where QEMU puts scratch files, and the pool. */
  readonly scratch: SmallStorage;
  readonly pool: SmallStorage;

  private constructor(lab: Lab, guest: Guest, storages: { scratch: SmallStorage; pool: SmallStorage }) {
    this.lab = lab;
    this.guest = guest;
    this.scratch = storages.scratch;
    this.pool = storages.pool;
    this.uuid = guest.uuid;
  }

  static async create(name: string): Promise<FaultLab> {
    startLibvirtd();
    const lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    await lab.ok('platforms', 'add', '--client', 'node1', '--kind', 'libvirt', '--uri', labUri);
    // QEMU may live in a mount namespace of its own: what is mounted later it might not see.
    const scratch = await SmallStorage.mount(scratchRootOf(lab), '0711');
    const guest = Guest.up(name, { disks: 2, size: '192M', formats: ['qcow2', 'raw'] });
    guest.exec('dd if=/dev/urandom of=/data/vda/first bs=1M count=32 2>/dev/null; sync');
    const pool = await SmallStorage.mount(lab.path('pool'), '0700');
    await lab.addPool('node1');
    await addRule(lab, guest, 'vm', 'Default');
    return new FaultLab(lab, guest, { scratch, pool });
  }

  async close(): Promise<void> {
    startLibvirtd();
    this.guest.down();
    await this.scratch.unmount();
    await this.pool.unmount();
    await this.lab.close();
  }

  /** A second pool and a rule for it, which bear the same name. */
  async addPool(name: string): Promise<void> {
    const password = await this.lab.passwordFile(poolPassword);
    const place = ['--kind', 'local', '--client', 'node1', '--path', this.lab.path(name), '--password-file', password];
    await this.lab.ok('pools', 'add', '--name', name, ...place);
    await addRule(this.lab, this.guest, name, name);
  }

  /** New data in the qcow2 disk. It is written in place, so that the image does not grow from row to row. */
  write(megabytes: number): void {
    this.guest.exec(`dd if=/dev/urandom of=/data/vda/data bs=1M count=${megabytes} conv=notrunc 2>/dev/null; sync`);
  }

  async slowly<T>(work: () => Promise<T>, rate = slowRate): Promise<T> {
    await this.lab.ok('pools', 'edit', 'Default', '--max-rate', rate);
    try {
      return await work();
    } finally {
      await this.lab.ok('pools', 'edit', 'Default', '--max-rate', 'off');
    }
  }

  async backUp(rule = 'vm'): Promise<TaskView> {
    return this.lab.ended(await this.lab.run(rule));
  }

  /** A run that must end well and be right; a VM that is up stands still for it, so that there is something to compare. */
  async backUpRight(rule = 'vm'): Promise<TaskView> {
    const up = this.guest.state === 'running';
    if (up) virsh('suspend', this.guest.domain);
    try {
      const task = await this.backUp(rule);
      expect(task.error).toBeNull();
      await this.#expectSame(task, rule === 'vm' ? 'pool' : rule);
      return task;
    } finally {
      if (up) virsh('resume', this.guest.domain);
    }
  }

  /** Nothing is left, and the VM is in this state. */
  async expectNoTraces(state: string): Promise<void> {
    await expectNoTraces(this.lab, this.guest, state);
  }

  async #expectSame(task: TaskView, pool: string): Promise<void> {
    const backup = await this.lab.ok('backups', 'show', String(task.backupId));
    const restic = await Restic.at(this.lab.path(pool), poolPassword);
    const raw = this.lab.path('same.raw');
    const images = imagesOf(this.guest);
    expect(task.disks.map(({ id }) => id).toSorted()).toEqual([...images.keys()].toSorted());
    for (const [disk, image] of images) {
      qemuImg('convert', '-U', '-f', image.endsWith('.raw') ? 'raw' : 'qcow2', '-O', 'raw', image, raw);
      const path = `/vm/${this.uuid}/disks/${disk}/disk.raw`;
      expect(await restic.dumpHash(String(backup['snapshotId']), path), `content of ${disk}`).toBe(await hashFile(raw));
      await rm(raw);
    }
  }
}

/** Disks of the VM as libvirt knows them now: image by target. */
export function imagesOf(guest: Guest): Map<string, string> {
  const lines = virsh('domblklist', guest.domain, '--details').trim().split('\n');
  const fields = lines.map((line) => line.trim().split(/\s+/u));
  return new Map(
    fields.filter(([, device]) => device === 'disk').map(([, , target, path]) => [target ?? '', path ?? '']),
  );
}

function scratchRootOf(lab: Lab): string {
  const hwid = String(lab.agent('node1').ready['hwid']).replaceAll('-', '');
  return `/var/lib/holdfast-scratch/${hwid.slice(0, 8)}`;
}

async function addRule(lab: Lab, guest: Guest, name: string, pool: string): Promise<void> {
  const what = ['--platform', 'libvirt', '--object', guest.domain, '--pool', pool, '--type', 'incremental'];
  await lab.ok('rules', 'add', '--name', name, ...what);
}
