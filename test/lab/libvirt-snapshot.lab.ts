// Reading one real VM through external snapshots that are committed afterwards; `npm run test:lab`.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releaseLeftover } from '../../agent/platforms/leftovers.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { newCheckpointName, openSource, unquiesced } from '../agent/platforms/open-source.ts';
import { lacking } from '../helpers/needs.ts';
import { checkLoad, Guest, labMissing, virsh, withMounted } from './lab.ts';
import {
  checkpointsOf,
  contentOf,
  expectNothingLeft,
  killedReader,
  labPlatform,
  openedOf,
  rawOf,
  roots,
  startLab,
} from './libvirt-lab.ts';

const platform = labPlatform('snapshot');

describe.skipIf(lacking(labMissing()))('a real VM read through snapshots', () => {
  let guest: Guest;
  beforeAll(async () => {
    await startLab();
    guest = Guest.up('snapshots', { disks: 2, size: '96M', formats: ['qcow2', 'raw'] });
  });
  afterAll(() => {
    guest.down();
  });

  const overlays = async () => (await readdir(guest.folder)).filter((name) => name.startsWith('holdfast-'));

  /** The VM stands on its own images again, and nothing of ours is beside them. */
  async function expectOnImages(): Promise<void> {
    const files =
      virsh('domblklist', guest.domain, '--inactive', '--details') + virsh('domblklist', guest.domain, '--details');
    expect(files.match(/\S*disk\S*\.(qcow2|raw)/gu)).toEqual(
      Array.from({ length: 2 }, () => [guest.image(0, 'qcow2'), guest.image(1, 'raw')]).flat(),
    );
    expect(files).not.toMatch(/\/holdfast-[0-9a-f]{8}-/u);
    for (const more of [['--inactive'], []]) {
      expect(virsh('dumpxml', guest.domain, ...more).match(/type='(qcow2|raw)' discard/gu)).toEqual([
        "type='qcow2' discard",
        "type='raw' discard",
      ]);
    }
    expect(await overlays()).toEqual([]);
  }

  const mark = (text: string) => guest.exec(`echo ${text} > /data/vda/mark; echo ${text} > /data/vdb/mark; sync`);
  const marks = () => guest.exec('cat /data/vda/mark /data/vdb/mark').trim().split('\n');

  it('is copied at one point in time while it writes, raw disk and all, and loses nothing', async () => {
    guest.load('start');
    const scope = new TestScope();
    const prospect = await platform.inspect(guest.uuid, scope, unquiesced);
    expect(prospect.disks.map(({ withoutChanges, checkpoints }) => ({ withoutChanges, checkpoints }))).toEqual([
      { withoutChanges: 'snapshotPath', checkpoints: [] },
      { withoutChanges: 'snapshotPath', checkpoints: [] },
    ]);
    const source = await openSource(platform, guest.uuid, scope, {
      quiesce: { freeze: true },
      bases: { vda: newCheckpointName() },
    });
    expect(source.consistency()).toMatchObject({ level: 'filesystem', problem: null });
    expect(await overlays()).toHaveLength(2);
    expect(openedOf(source, 'vda')).toMatchObject({ checkpoint: null, changes: undefined, lost: 'snapshotPath' });
    const copy = join(guest.folder, 'copy.raw');
    await writeFile(copy, await contentOf(openedOf(source, 'vdb')));
    mark('during');
    await source.release();
    await source.keepCheckpoint();
    guest.load('stop');
    expect(withMounted(copy, (folder) => checkLoad(join(folder, 'load')))).toMatch(/^consistent: 256 blocks/u);
    expect(marks()).toEqual(['during', 'during']);
    expect(scope.warnings).toEqual([]);
    expect(checkpointsOf(guest)).toEqual([]);
    await expectOnImages();
    await expectNothingLeft(scope);
  });

  it('gives its checkpoints no trouble', async () => {
    const { source, name } = await throughBackupJob({});
    await source.release();
    await source.keepCheckpoint();
    mark('changed');
    const snapshot = await openSource(platform, guest.uuid, new TestScope());
    mark('changed again');
    await snapshot.release();
    const next = await throughBackupJob({ vda: name });
    expect(openedOf(next.source, 'vda')).toMatchObject({ lost: undefined, changes: { base: name } });
    await next.source.release();
    await next.source.dropCheckpoint();
    virsh('checkpoint-delete', guest.domain, name);
  });

  it('may power off and start again under the reader, who reads on', async () => {
    const scope = new TestScope();
    const before = await rawOf(guest.image(0, 'qcow2'), 'qcow2');
    const source = await openSource(platform, guest.uuid, scope);
    mark('then off');
    guest.shutDown();
    guest.start();
    expect((await contentOf(openedOf(source, 'vda'))).length).toBe(before.length);
    expect(source.broken()).toBeUndefined();
    await source.release();
    expect(marks()).toEqual(['then off', 'then off']);
    await expectOnImages();
    await expectNothingLeft(scope);
  });

  it('is put back onto its images when it is off at the end', async () => {
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope);
    mark('before off');
    guest.shutDown();
    await source.release();
    await expectOnImages();
    await expectNothingLeft(scope);
    guest.start();
    expect(marks()).toEqual(['before off', 'before off']);
  });

  it.each(['running', 'shut off'])('is put back after the agent was killed, when it is %s', async (state) => {
    const left = await killedReader(guest.uuid, 'snapshot');
    expect(left.map(({ kind }) => kind)).toContain('libvirtOverlay');
    mark(`killed-${state.replace(' ', '-')}`);
    if (state === 'shut off') guest.shutDown();
    for (const resource of left.toReversed()) expect(await releaseLeftover(resource, roots)).toBe(true);
    for (const resource of left) expect(await releaseLeftover(resource, roots)).toBe(true);
    await expectOnImages();
    await expectNothingLeft();
    if (state === 'shut off') guest.start();
    expect(new Set(marks())).toEqual(new Set([`killed-${state.replace(' ', '-')}`]));
  });

  it('keeps a snapshot that somebody took above ours', async () => {
    const scope = new TestScope();
    const source = await openSource(platform, guest.uuid, scope);
    mark('ours');
    const theirs = join(guest.folder, 'theirs.qcow2');
    virsh(
      'snapshot-create-as',
      guest.domain,
      'theirs',
      '--disk-only',
      '--no-metadata',
      '--diskspec',
      `vda,snapshot=external,file=${theirs}`,
      '--diskspec',
      'vdb,snapshot=no',
    );
    mark('above');
    await source.release();
    expect(virsh('domblklist', guest.domain)).toContain(theirs);
    expect(await overlays()).toEqual([]);
    expect(marks()).toEqual(['above', 'above']);
    virsh('blockcommit', guest.domain, 'vda', '--active', '--shallow', '--pivot', '--wait');
    expect(marks()).toEqual(['above', 'above']);
    await expectNothingLeft(scope);
  });

  it('is left as it was when it is refused', async () => {
    const scope = new TestScope();
    const image = guest.image(0, 'qcow2');
    const taken = join(guest.folder, `holdfast-${scope.jobUuid}.vda.qcow2`);
    await writeFile(taken, 'something');
    await expect(openSource(platform, guest.uuid, scope)).rejects.toMatchObject({ code: 'exportFailed' });
    expect(virsh('domblklist', guest.domain)).toContain(image);
    expect(await readFile(taken, 'utf8')).toBe('something');
    expect(scope.open).toEqual([]);
  });

  async function throughBackupJob(bases: Record<string, string>) {
    const name = newCheckpointName();
    const source = await openSource(labPlatform(), guest.uuid, new TestScope(), { bases, checkpoint: { name } });
    return { source, name };
  }
});
