// Changed-block reads of one real VM, through all that may happen to its bitmaps; `npm run test:lab`.
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBitmaps } from '../../agent/disks/qcow2-bitmaps.ts';
import { releaseLeftover } from '../../agent/platforms/leftovers.ts';
import type { BackupSource, CheckpointWish } from '../../agent/platforms/platform.ts';
import { mib, qemuImg } from '../agent/disks/images.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { newCheckpointName, openSource, unquiesced } from '../agent/platforms/open-source.ts';
import { lacking } from '../helpers/needs.ts';
import { Guest, labMissing, virsh } from './lab.ts';
import {
  bytesOf,
  checkpointsOf,
  contentOf,
  diskOf,
  dirtyOf,
  expectNothingLeft,
  killedReader,
  labPlatform,
  openedOf,
  rawOf,
  roots,
  startLab,
} from './libvirt-lab.ts';

const platform = labPlatform();

describe.skipIf(lacking(labMissing()))('changed blocks of a real VM', () => {
  let guest: Guest;
  /** Content of the qcow2 disk at the last point, and its checkpoint. */
  let last: { name: string; content: Buffer };

  beforeAll(async () => {
    await startLab();
    guest = Guest.up('changes', { disks: 2, size: '160M', formats: ['qcow2', 'raw'] });
  });
  afterAll(() => {
    guest.down();
  });

  async function open(
    bases: Record<string, string> = {},
    checkpoint: Partial<CheckpointWish> = {},
  ): Promise<{ source: BackupSource; scope: TestScope; name: string }> {
    const scope = new TestScope();
    const name = newCheckpointName();
    const source = await openSource(platform, guest.uuid, scope, {
      bases,
      checkpoint: { name, full: false, ...checkpoint },
    });
    return { source, scope, name };
  }

  /** A whole run; what it read is compared with the image when the guest stands still. */
  async function backUp(bases: Record<string, string>, checkpoint: Partial<CheckpointWish> = {}) {
    const { source, scope, name } = await open(bases, checkpoint);
    const opened = openedOf(source, 'vda');
    const content = await contentOf(opened, last.content);
    await source.release();
    await source.keepCheckpoint();
    expect(scope.warnings).toEqual([]);
    await expectNothingLeft(scope);
    last = { name, content };
    return { source, opened, name };
  }

  async function whilePaused<T>(run: () => Promise<T>): Promise<T> {
    guest.exec('sync');
    virsh('suspend', guest.domain);
    try {
      return await run();
    } finally {
      virsh('resume', guest.domain);
    }
  }

  const truth = () => rawOf(guest.image(0, 'qcow2'), 'qcow2');
  const write = (megabytes: number) =>
    guest.exec(`dd if=/dev/urandom of=/data/vda/w${randomUUID()} bs=1M count=${megabytes} 2>/dev/null; sync`);

  it('begin with a full point that leaves a checkpoint; the raw disk cannot have one', async () => {
    last = { name: '', content: Buffer.alloc(0) };
    const prospect = await platform.inspect(guest.uuid, new TestScope(), unquiesced);
    expect(prospect.disks).toMatchObject([
      { id: 'vda', format: 'qcow2', sourcePath: guest.image(0, 'qcow2'), checkpoints: [], withoutChanges: null },
      { id: 'vdb', format: 'raw', checkpoints: [], withoutChanges: 'formatWithoutBitmap' },
    ]);
    const { source, name } = await backUp({}, { full: true });
    expect(source.disks.map(({ checkpoint, changes, lost }) => ({ checkpoint, changes, lost }))).toEqual([
      { checkpoint: name, changes: undefined, lost: undefined },
      { checkpoint: null, changes: undefined, lost: undefined },
    ]);
    expect(checkpointsOf(guest)).toEqual([name]);
    const [vda] = (await platform.inspect(guest.uuid, new TestScope(), unquiesced)).disks;
    expect(vda?.checkpoints).toEqual([name]);
  });

  it('after 16 MiB were written are little more than that, and give the disk as it is', async () => {
    write(16);
    await whilePaused(async () => {
      const { opened } = await backUp({ vda: last.name });
      expect(opened.changes).toMatchObject({ source: 'libvirtBitmap' });
      expect(last.content.equals(await truth())).toBe(true);
    });
    const { source } = await open({ vda: checkpointsOf(guest)[0] ?? '' });
    const dirty = bytesOf(await dirtyOf(openedOf(source, 'vda')));
    await source.release();
    await source.dropCheckpoint();
    expect(dirty).toBeGreaterThanOrEqual(16 * mib);
    expect(dirty).toBeLessThanOrEqual(32 * mib);
  });

  it('keep the last full checkpoint and the newest, and begin anew with the next full point', async () => {
    const [full] = checkpointsOf(guest);
    const { name } = await backUp({ vda: last.name });
    expect(checkpointsOf(guest)).toEqual([full, name]);
    const next = await backUp({}, { full: true });
    expect(checkpointsOf(guest)).toEqual([next.name]);
  });

  it("of two repositories and of other programs do not get into each other's way", async () => {
    virsh(
      'checkpoint-create-as',
      guest.domain,
      'theirs',
      '--diskspec',
      'vda,checkpoint=bitmap',
      '--diskspec',
      'vdb,checkpoint=no',
    );
    const first = last.name;
    const other = await open({}, { repositoryId: 'r2', full: true });
    await other.source.release();
    await other.source.keepCheckpoint();
    expect(checkpointsOf(guest)).toEqual([first, 'theirs', other.name]);
    write(2);
    const second = await backUp({ vda: first });
    expect(second.opened.changes?.base).toBe(first);
    expect(checkpointsOf(guest)).toEqual([first, 'theirs', other.name, second.name]);
    const third = await backUp({}, { full: true });
    expect(checkpointsOf(guest)).toEqual(['theirs', other.name, third.name]);
    const again = await open({ vda: other.name }, { repositoryId: 'r2', full: true });
    expect(bytesOf(await dirtyOf(openedOf(again.source, 'vda')))).toBeGreaterThanOrEqual(2 * mib);
    await again.source.release();
    await again.source.keepCheckpoint();
    expect(checkpointsOf(guest)).toEqual(['theirs', third.name, again.name]);
    virsh('checkpoint-delete', guest.domain, 'theirs');
    virsh('checkpoint-delete', guest.domain, again.name);
  });

  it('leave a disk that was added to be read whole, while the other goes on', async () => {
    const image = guest.image(2, 'qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', image, '32M');
    virsh('attach-disk', guest.domain, image, 'vdc', '--driver', 'qemu', '--subdriver', 'qcow2', '--persistent');
    // A job that believes vdc to be known is told better.
    const { source, opened, name } = await backUp({ vda: last.name, vdc: last.name });
    expect(opened.lost).toBeUndefined();
    expect(openedOf(source, 'vdc')).toMatchObject({ changes: undefined, lost: 'bitmapMissing', checkpoint: name });
    const next = await backUp({ vda: name, vdc: name });
    expect(next.source.disks.map(({ lost }) => lost)).toEqual([undefined, undefined, undefined]);
    expect(openedOf(next.source, 'vdc').changes).toBeDefined();
  });

  it('whose bitmap somebody deleted are read whole, of that disk only', async () => {
    dropBitmap(guest, 'disk0.qcow2', last.name);
    const broken = last.name;
    const { source, opened } = await backUp({ vda: last.name, vdc: last.name });
    expect(opened).toMatchObject({ changes: undefined, lost: 'bitmapMissing' });
    expect(openedOf(source, 'vdc').changes).toBeDefined();
    expect(checkpointsOf(guest)).not.toContain(broken);
  });

  it('of a checkpoint that libvirt does not know are read whole', async () => {
    const { opened } = await backUp({ vda: newCheckpointName() });
    expect(opened.lost).toBe('checkpointMissing');
  });

  it('are read from the image when the VM is shut off, and libvirt goes on from there', async () => {
    const before = last.name;
    write(4);
    guest.shutDown();
    const { opened, name, source } = await backUp({ vda: before, vdc: before });
    expect(opened).toMatchObject({
      changes: { source: 'qcow2Bitmap', base: before },
      lost: undefined,
      checkpoint: name,
    });
    expect(source.consistency()).toMatchObject({ level: 'filesystem', problem: null });
    expect(last.content.equals(await truth())).toBe(true);
    expect(checkpointsOf(guest)).not.toContain(before);
    guest.start();
    write(3);
    await whilePaused(async () => {
      const live = await backUp({ vda: name, vdc: name });
      expect(live.source.disks.map(({ lost }) => lost)).toEqual([undefined, undefined, undefined]);
      expect(last.content.equals(await truth())).toBe(true);
    });
  });

  it('are lost with a killed QEMU, and the next run cleans up', async () => {
    guest.shutDown();
    guest.start();
    const base = last.name;
    killQemu(guest);
    await untilState('shut off');
    const cold = await open({ vda: base });
    expect(openedOf(cold.source, 'vda')).toMatchObject({ changes: undefined, lost: 'bitmapBroken' });
    expect(cold.source.consistency()).toMatchObject({
      level: 'crash',
      problem: expect.stringContaining('crashed') as unknown,
    });
    await cold.source.release();
    await cold.source.dropCheckpoint();
    await expectNothingLeft(cold.scope);
    guest.start();
    const { opened, name } = await backUp({ vda: base });
    expect(opened).toMatchObject({ changes: undefined, lost: 'bitmapBroken' });
    // The last full one was broken as well: nothing is left to compare with.
    expect(checkpointsOf(guest)).toEqual([name]);
    expect((await backUp({ vda: name })).opened.changes).toBeDefined();
  });

  it('leave no bitmaps behind of which nobody knows any more', async () => {
    guest.shutDown();
    guest.start();
    const base = last.name;
    killQemu(guest);
    await untilState('shut off');
    redefine(guest);
    const cold = await open({ vda: base });
    expect(openedOf(cold.source, 'vda')).toMatchObject({ changes: undefined, lost: 'bitmapBroken' });
    await cold.source.release();
    await cold.source.dropCheckpoint();
    expect((await readBitmaps(guest.image(0, 'qcow2'))).map(({ name }) => name)).toContain(base);
    guest.start();
    const { opened, name } = await backUp({ vda: base });
    expect(opened).toMatchObject({ changes: undefined, lost: 'checkpointMissing' });
    expect(checkpointsOf(guest)).toEqual([name]);
    guest.shutDown();
    expect(await readBitmaps(guest.image(0, 'qcow2'))).toEqual([{ name, inUse: false }]);
    guest.start();
  });

  it('survive that libvirt forgets its checkpoints', async () => {
    guest.shutDown();
    redefine(guest);
    const base = last.name;
    expect(checkpointsOf(guest)).toEqual([]);
    const [vda] = (await platform.inspect(guest.uuid, new TestScope(), unquiesced)).disks;
    expect(vda?.checkpoints).toContain(base);
    const cold = await backUp({ vda: base });
    expect(cold.opened.changes).toMatchObject({ source: 'qcow2Bitmap', base });
    redefine(guest);
    guest.start();
    write(1);
    await whilePaused(async () => {
      const live = await backUp({ vda: cold.name });
      expect(live.opened).toMatchObject({ lost: undefined, changes: { source: 'libvirtBitmap', base: cold.name } });
      expect(last.content.equals(await truth())).toBe(true);
    });
  });

  it('of a VM that is started under the reader make no base', async () => {
    const before = checkpointsOf(guest);
    guest.shutDown();
    const { source, scope } = await open({ vda: last.name });
    guest.start();
    expect((await diskOf(source, 'vda').read(0, 4096)).length).toBe(4096);
    await source.release();
    expect(source.consistency().level).toBe('inconsistent');
    await source.dropCheckpoint();
    await expectNothingLeft(scope);
    expect(checkpointsOf(guest)).toEqual(before);
    expect((await backUp({ vda: last.name })).opened.changes).toBeDefined();
  });

  it('go on after the VM was switched off under the reader', async () => {
    guest.shutDown();
    guest.start();
    const { source, scope, name } = await open({ vda: last.name });
    virsh('destroy', guest.domain);
    await expect(diskOf(source, 'vda').read(0, 4096)).rejects.toMatchObject({ code: 'diskReadFailed' });
    expect(source.broken()).toMatch(/powered off/u);
    await source.release();
    await source.dropCheckpoint();
    await expectNothingLeft(scope);
    expect(checkpointsOf(guest)).not.toContain(name);
    guest.start();
  });

  it.each(['running', 'shut off', 'gone'])('of a killed agent leave no checkpoint when the VM is %s', async (state) => {
    const before = checkpointsOf(guest);
    const left = await killedReader(guest.uuid);
    expect(checkpointsOf(guest)).toHaveLength(before.length + 1);
    // The job that is left would hold a guest that shuts itself down for half a minute.
    if (state !== 'running') virsh('destroy', guest.domain);
    if (state === 'gone') virsh('undefine', guest.domain, '--checkpoints-metadata');
    for (const resource of left.toReversed()) expect(await releaseLeftover(resource, roots)).toBe(true);
    for (const resource of left) expect(await releaseLeftover(resource, roots)).toBe(true);
    if (state === 'gone') virsh('define', `${guest.folder}/domain.xml`);
    else expect(checkpointsOf(guest)).toEqual(before);
    if (state === 'shut off') guest.start();
    await expectNothingLeft();
  });

  async function untilState(state: string): Promise<void> {
    for (let tries = 0; guest.state !== state && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
});

function killQemu(guest: Guest): void {
  const pid = Number(readFileSync(`/run/libvirt/qemu/${guest.domain}.pid`, 'utf8'));
  process.kill(pid, 'SIGKILL');
}

/** Undefines a VM with what libvirt knows of its checkpoints, and defines it again as it was. */
function redefine(guest: Guest): void {
  const xml = virsh('dumpxml', '--inactive', guest.domain);
  virsh('undefine', guest.domain, '--checkpoints-metadata');
  const file = `/var/tmp/${guest.domain}.xml`;
  writeFileSync(file, xml);
  virsh('define', file);
  rmSync(file);
}

/** Removes a bitmap behind libvirt's back. */
function dropBitmap(guest: Guest, image: string, name: string): void {
  const nodes = JSON.parse(
    virsh('qemu-monitor-command', guest.domain, '{"execute":"query-named-block-nodes","arguments":{"flat":true}}'),
  ) as { return: { 'node-name': string; drv: string; file: string }[] };
  const node = nodes.return.find(({ drv, file }) => drv === 'qcow2' && file.endsWith(image));
  const command = { execute: 'block-dirty-bitmap-remove', arguments: { node: node?.['node-name'], name } };
  virsh('qemu-monitor-command', guest.domain, JSON.stringify(command));
}
