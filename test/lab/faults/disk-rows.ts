// Faults of disks, images and bitmaps.
import { expect } from 'vitest';
import { virsh } from '../lab.ts';
import { checkpointsOf } from '../nothing-left.ts';
import {
  addDisk,
  fillDisk,
  growDisk,
  keepImage,
  removeBitmaps,
  removeDisk,
  revertImage,
  swapDisks,
} from './fault-kinds.ts';
import type { FaultLab } from './fault-lab.ts';
import type { FaultRow } from './fault-row.ts';
import { waysOf } from './fault-table.ts';

const bitmaps: FaultRow[] = [
  {
    fault: 'bitmap deleted in QEMU',
    when: 'before',
    at: 'beforeRun',
    give: removeBitmaps,
    outcomes: ['done'],
  },
  {
    fault: 'bitmap deleted in QEMU',
    when: 'during',
    at: 'copyingData',
    give: removeBitmaps,
    outcomes: ['done'],
    next: { vda: 'bitmapMissing' },
  },
  {
    fault: 'checkpoint deleted',
    when: 'after',
    at: 'afterRun',
    give: ({ guest }) => {
      for (const name of checkpointsOf(guest)) virsh('checkpoint-delete', guest.domain, name);
    },
    outcomes: ['done'],
    next: { vda: 'checkpointMissing' },
  },
];

const disks: FaultRow[] = [
  {
    fault: 'disk added',
    when: 'before',
    at: 'beforeRun',
    give: (lab) => addDisk(lab),
    outcomes: ['done'],
    next: { vdc: 'incremental' },
    tidy: (lab) => removeDisk(lab),
  },
  {
    fault: 'disk added',
    when: 'during',
    at: 'copyingData',
    give: (lab) => addDisk(lab),
    outcomes: ['done'],
    next: { vdc: 'diskAdded' },
    tidy: (lab) => removeDisk(lab),
  },
  {
    fault: 'disk removed',
    when: 'before',
    at: 'beforeRun',
    prepare: withAddedDisk,
    give: (lab) => removeDisk(lab),
    outcomes: ['done'],
  },
  {
    fault: 'disk removed (refused by libvirt)',
    when: 'during',
    at: 'copyingData',
    prepare: withAddedDisk,
    give: async (lab) => {
      await expect(removeDisk(lab)).rejects.toThrow(/active block job/u);
    },
    outcomes: ['done'],
    next: { vdc: 'incremental' },
    tidy: (lab) => removeDisk(lab),
  },
  {
    fault: 'disk removed',
    when: 'after',
    at: 'afterRun',
    prepare: withAddedDisk,
    give: (lab) => removeDisk(lab),
    outcomes: ['done'],
  },
  {
    fault: 'two disks swapped',
    when: 'after',
    at: 'afterRun',
    prepare: async (lab) => {
      lab.guest.shutDown();
      for (const target of ['vdc', 'vdd']) await addDisk(lab, target);
      lab.guest.start();
      for (const target of ['vdc', 'vdd']) fillDisk(lab.guest, target);
    },
    give: async (lab) => {
      lab.guest.shutDown();
      await swapDisks(lab, 'vdc', 'vdd');
      lab.guest.start();
    },
    outcomes: ['done'],
    next: { vdc: 'diskRenamed', vdd: 'diskRenamed' },
    tidy: async (lab) => {
      await removeDisk(lab);
      await removeDisk(lab, 'vdd');
    },
  },
  {
    fault: 'disk resized',
    when: 'before',
    at: 'beforeRun',
    give: (lab) => growDisk(lab, 200),
    outcomes: ['done'],
  },
  {
    fault: 'disk resized (refused by QEMU)',
    when: 'during',
    at: 'copyingData',
    give: (lab) => {
      expect(() => growDisk(lab, 204)).toThrow(/in use/u);
    },
    outcomes: ['done'],
  },
  {
    fault: 'disk resized',
    when: 'after',
    at: 'afterRun',
    give: (lab) => growDisk(lab, 208),
    outcomes: ['done'],
    next: { vda: 'diskResized' },
  },
];

async function withAddedDisk(lab: FaultLab): Promise<void> {
  await addDisk(lab);
  await lab.backUp();
}

const past: FaultRow[] = [
  {
    fault: 'image replaced by an older copy',
    when: 'after',
    at: 'afterRun',
    prepare: keepOlder,
    give: async (lab) => {
      lab.guest.shutDown();
      await revertImage(lab);
      lab.guest.start();
    },
    outcomes: ['done'],
    next: { vda: 'bitmapMissing' },
  },
  {
    fault: 'image replaced by an older copy',
    when: 'before',
    at: 'beforeRun',
    prepare: keepOlder,
    give: async (lab) => {
      lab.guest.shutDown();
      await revertImage(lab);
    },
    outcomes: ['done'],
    state: 'shut off',
  },
];

const others: FaultRow[] = [
  {
    fault: 'VM in a second pool, backed up there as well',
    when: 'after',
    at: 'afterRun',
    prepare: async (lab) => {
      await lab.addPool('Other');
      await lab.backUpRight('Other');
    },
    give: async (lab) => {
      expect(waysOf(await lab.backUpRight('Other'))).toMatchObject({ vda: 'incremental' });
    },
    outcomes: ['done'],
  },
  {
    fault: "somebody else's checkpoint",
    when: 'before',
    at: 'beforeRun',
    give: ({ guest }) => {
      const disks = ['--diskspec', 'vda,checkpoint=bitmap', '--diskspec', 'vdb,checkpoint=no'];
      virsh('checkpoint-create-as', guest.domain, 'foreign', ...disks);
    },
    outcomes: ['done'],
    // It still counts what was written since: at least what the next run would not know of any more.
    proof: ({ guest }) => {
      expect(checkpointsOf(guest)).toContain('foreign');
      expect(virsh('checkpoint-dumpxml', guest.domain, 'foreign', '--size')).toMatch(/name='vda'.* size='\d+'/u);
    },
    tidy: ({ guest }) => {
      virsh('checkpoint-delete', guest.domain, 'foreign');
    },
  },
];

async function keepOlder(lab: FaultLab): Promise<void> {
  lab.guest.shutDown();
  await keepImage(lab);
  lab.guest.start();
}

export const diskRows: readonly FaultRow[] = [...bitmaps, ...disks, ...past, ...others];
