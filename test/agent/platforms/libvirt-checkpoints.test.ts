import { describe, expect, it } from 'vitest';
import { backupXml } from '../../../agent/platforms/libvirt/backup-job.ts';
import type { BeginPlan } from '../../../agent/platforms/libvirt/begin-plan.ts';
import { lesserPlan } from '../../../agent/platforms/libvirt/begin-plan.ts';
import type { Checkpoint } from '../../../agent/platforms/libvirt/checkpoints/checkpoint.ts';
import {
  checkpointXml,
  isOurName,
  parseCheckpoint,
  parseNote,
  withoutDisk,
} from '../../../agent/platforms/libvirt/checkpoints/checkpoint.ts';
import { planRetirement } from '../../../agent/platforms/libvirt/checkpoints/retire.ts';
import { parseShutdown } from '../../../agent/platforms/libvirt/shutdown.ts';
import { attribute, childrenOf, find, parseXml, textOf } from '../../../agent/platforms/libvirt/xml.ts';

const name = 'holdfast-11111111-1111-4111-8111-111111111111';

/** As libvirt 9.0 prints it. */
const dumped = `<domaincheckpoint>
  <name>${name}</name>
  <description>Holdfast 1 repository=abc type=full</description>
  <parent>
    <name>theirs</name>
  </parent>
  <creationTime>1795271699</creationTime>
  <disks>
    <disk name='vda' checkpoint='bitmap' bitmap='${name}'/>
    <disk name='vdb' checkpoint='no'/>
    <disk name='vdc' checkpoint='bitmap' bitmap='${name}'/>
  </disks>
</domaincheckpoint>
`;

describe('checkpoints', () => {
  it('are known by name, and by what their description says', () => {
    expect(parseCheckpoint(dumped)).toEqual({
      name,
      disks: ['vda', 'vdc'],
      note: { repositoryId: 'abc', full: true },
    });
    expect(['x', 'holdfast-1', `${name}0`, `x${name}`, name.toUpperCase()].filter(isOurName)).toEqual([]);
    for (const text of ['', 'Holdfast 2 repository=a type=full', 'Holdfast 1 repository=a type=other', 'x Holdfast 1'])
      expect(parseNote(text)).toBeUndefined();
  });

  it('are written so that they can be read again', () => {
    const note = { repositoryId: 'f00', full: false };
    const text = checkpointXml(name, note, ['vda'], ['vdb'], { createdAt: 7, parent: 'a & b' });
    expect(parseCheckpoint(text)).toEqual({ name, disks: ['vda'], note });
    const root = parseXml(text, 'c');
    expect(textOf(find(root, 'parent', 'name'))).toBe('a & b');
    expect(textOf(find(root, 'creationTime'))).toBe('7');
    const disks = childrenOf(find(root, 'disks'), 'disk');
    expect(disks.map((disk) => [attribute(disk, 'name'), attribute(disk, 'checkpoint')])).toEqual([
      ['vda', 'bitmap'],
      ['vdb', 'no'],
    ]);
    expect(find(parseXml(checkpointXml(name, note, [], []), 'c'), 'creationTime')).toBeUndefined();
  });

  it('can be left without one disk', () => {
    const less = withoutDisk(dumped, 'vda');
    expect(parseCheckpoint(less)).toMatchObject({ name, disks: ['vdc'] });
    expect(textOf(find(parseXml(less, 'c'), 'parent', 'name'))).toBe('theirs');
  });
});

describe('retiring checkpoints', () => {
  const of = (id: string, repositoryId: string | undefined, full = false, disks = ['vda']): Checkpoint => ({
    name: id,
    disks,
    note: repositoryId === undefined ? undefined : { repositoryId, full },
  });
  const ours = [
    of('new', 'r1'),
    of('other', 'r2'),
    of('changes', 'r1'),
    of('unknown', undefined),
    of('full', 'r1', true),
    of('older', 'r1', true),
  ];
  const plan = (full: boolean, targets = ['vda'], list = ours) => {
    const { retired, keptFull } = planRetirement(
      list,
      { name: 'new', repositoryId: 'r1', full, disks: ['vda'] },
      targets,
    );
    return { retired: retired.map((each) => each.name), keptFull: keptFull?.name };
  };

  it('keeps the newest full one of the same repository for differential runs', () => {
    expect(plan(false)).toEqual({ retired: ['changes', 'older'], keptFull: 'full' });
  });

  it('keeps nothing of the same repository after a full one', () => {
    expect(plan(true)).toEqual({ retired: ['changes', 'full', 'older'], keptFull: undefined });
  });

  it('keeps the newest of a disk that the new one does not cover', () => {
    const list = [of('new', 'r1'), of('both', 'r1', false, ['vda', 'vdb']), of('before', 'r1', false, ['vda', 'vdb'])];
    expect(plan(true, ['vda', 'vdb'], list).retired).toEqual(['before']);
    expect(plan(true, ['vda'], list).retired).toEqual(['both', 'before']);
  });
});

describe('what backup-begin is asked for', () => {
  const wanted: BeginPlan = {
    bases: new Map([
      ['vda', 'c1'],
      ['vdb', 'c2'],
    ]),
    tracked: ['vda', 'vdb'],
    lost: new Map(),
    untracked: undefined,
  };

  it('says for each disk how it is read', () => {
    const text = backupXml({
      socket: '/run/h/b.sock',
      targets: ['vda', 'vdb'],
      others: ['vdc'],
      bases: new Map([['vda', 'c1']]),
      scratchOf: (target) => `/scratch/scratch.${target}`,
    });
    const root = parseXml(text, 'b');
    expect(attribute(root, 'mode')).toBe('pull');
    expect(attribute(find(root, 'server'), 'socket')).toBe('/run/h/b.sock');
    const words = ['name', 'backup', 'backupmode', 'incremental'];
    const disks = childrenOf(find(root, 'disks'), 'disk');
    expect(disks.map((disk) => words.map((word) => attribute(disk, word)))).toEqual([
      ['vda', 'yes', 'incremental', 'c1'],
      ['vdb', 'yes', 'full', undefined],
      ['vdc', 'no', undefined, undefined],
    ]);
    expect(attribute(find(root, 'disks', 'disk', 'scratch'), 'file')).toBe('/scratch/scratch.vda');
  });

  it.each([
    ["checkpoint inconsistent: missing or broken bitmap 'c1' for disk 'vda'", 'bitmapBroken'],
    [
      "Domain checkpoint not found: Checkpoint 'c1' for incremental backup of disk 'vda' not found",
      'checkpointMissing',
    ],
    ["internal error: bitmap 'c1' not found in backing chain of 'vda'", 'bitmapMissing'],
  ])('is less of the one disk that libvirt names: %s', (text, reason) => {
    const less = lesserPlan(wanted, text);
    expect([...(less?.bases ?? [])]).toEqual([['vdb', 'c2']]);
    expect([...(less?.lost ?? [])]).toEqual([['vda', reason]]);
    expect(less?.tracked).toEqual(['vda', 'vdb']);
  });

  it('leaves a disk out of the checkpoint that cannot be in it', () => {
    const text = 'unsupported configuration: checkpoint for disk vdb unsupported for storage type raw';
    const less = lesserPlan(wanted, text);
    expect(less).toMatchObject({ tracked: ['vda'], untracked: undefined });
    expect([...(less?.bases.keys() ?? [])]).toEqual(['vda']);
    expect(less?.lost.get('vdb')).toBe('formatWithoutBitmap');
  });

  it('is less and less when nobody knows why, and ends', () => {
    const whole = lesserPlan(wanted, 'something else');
    expect(whole?.bases.size).toBe(0);
    expect([...(whole?.lost.values() ?? [])]).toEqual(['bitmapBroken', 'bitmapBroken']);
    const without = whole && lesserPlan(whole, 'something else');
    expect(without).toMatchObject({ tracked: [], untracked: 'something else' });
    expect(without && lesserPlan(without, 'something else')).toBeUndefined();
  });

  it('does not run in circles over a disk that is read whole already', () => {
    const whole = lesserPlan({ ...wanted, bases: new Map() }, "missing or broken bitmap 'c1' for disk 'vda'");
    expect(whole?.tracked).toEqual([]);
  });
});

describe('a VM that is shut off', () => {
  it.each([
    ['shut off (shutdown)\n', 'filesystem', null],
    ['shut off (unknown)\n', 'crash', null],
    ['shut off (crashed)\n', 'crash', 'crashed'],
    ['shut off (destroyed)\n', 'crash', 'switched off hard'],
  ])('is as consistent as its end was: %s', (text, level, problem) => {
    const found = parseShutdown(text);
    expect(found.level).toBe(level);
    if (problem === null) expect(found.problem).toBeNull();
    else expect(found.problem).toContain(problem);
  });
});
