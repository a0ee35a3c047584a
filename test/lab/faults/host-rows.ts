// Faults of programs, and of space.
import { killAgent, killQemu, powerOff, restartLibvirtd } from './fault-kinds.ts';
import type { FaultLab } from './fault-lab.ts';
import type { Deed, FaultRow } from './fault-row.ts';

const kib = 1024;

const start: Deed = ({ guest }) => guest.start();

const agent: FaultRow[] = [
  { fault: 'kill -9 agent', when: 'before', at: 'configuration', give: killAgent, outcomes: ['agentStopped'] },
  { fault: 'kill -9 agent', when: 'during', at: 'copyingData', give: killAgent, outcomes: ['agentStopped'] },
  { fault: 'kill -9 agent', when: 'after', at: 'finalising', give: killAgent, outcomes: ['agentStopped'] },
];

const qemu: FaultRow[] = [
  {
    fault: 'kill -9 QEMU',
    when: 'before',
    at: 'beforeRun',
    give: killQemu,
    // Nobody knows in what state its file systems are.
    outcomes: ['warning'],
    mend: start,
  },
  {
    fault: 'kill -9 QEMU',
    when: 'during',
    at: 'copyingData',
    // Then the bitmap of the base is in the file.
    prepare: ({ guest }) => {
      guest.shutDown();
      guest.start();
    },
    give: killQemu,
    outcomes: ['diskReadFailed'],
    mend: start,
    next: { vda: 'bitmapBroken' },
  },
  {
    fault: 'kill -9 QEMU',
    when: 'after',
    at: 'finalising',
    give: killQemu,
    outcomes: ['done', 'diskReadFailed'],
    mend: start,
    // It never came into the file.
    next: { vda: 'bitmapMissing' },
  },
];

const guestOff: FaultRow[] = [
  { fault: 'guest powers off', when: 'before', at: 'beforeRun', give: powerOff, outcomes: ['done'], state: 'shut off' },
  {
    fault: 'guest powers off',
    when: 'during',
    at: 'copyingData',
    give: powerOff,
    outcomes: ['diskReadFailed'],
    state: 'shut off',
  },
  {
    fault: 'guest powers off',
    when: 'after',
    at: 'finalising',
    give: powerOff,
    outcomes: ['done', 'diskReadFailed'],
    mend: start,
  },
];

const daemon: FaultRow[] = [
  {
    fault: 'libvirtd restarted',
    when: 'before',
    at: 'configuration',
    give: (lab) => restartLibvirtd(lab),
    outcomes: ['done', 'platformUnreachable'],
  },
  {
    fault: 'libvirtd restarted',
    when: 'during',
    at: 'copyingData',
    give: (lab) => restartLibvirtd(lab, 'SIGKILL'),
    outcomes: ['done'],
  },
  {
    fault: 'libvirtd restarted',
    when: 'after',
    at: 'finalising',
    give: (lab) => restartLibvirtd(lab),
    outcomes: ['done'],
  },
];

const space: FaultRow[] = [
  {
    fault: 'scratch full',
    when: 'before',
    at: 'beforeRun',
    give: ({ scratch }) => scratch.fill(64 * kib),
    outcomes: ['scratchFull'],
    mend: ({ scratch }) => scratch.empty(),
  },
  {
    fault: 'scratch full',
    when: 'during',
    at: 'copyingData',
    give: async (lab) => {
      await lab.scratch.fill(2048 * kib);
      overwrite(lab);
    },
    outcomes: ['scratchFull'],
    mend: ({ scratch }) => scratch.empty(),
  },
  {
    fault: 'kill -9 agent, then scratch full: the VM stands still',
    when: 'during',
    at: 'copyingData',
    give: async (lab) => {
      await lab.lab.agent('node1').kill('SIGKILL');
      await lab.scratch.fill(2048 * kib);
      overwrite(lab);
      await lab.lab.until('QEMU to stop the guest', async () => lab.guest.state === 'paused');
      await lab.lab.startAgent('node1');
    },
    outcomes: ['agentStopped'],
    mend: ({ scratch }) => scratch.empty(),
  },
  {
    fault: 'repository full',
    when: 'before',
    at: 'beforeRun',
    give: ({ pool }) => pool.fill(64 * kib),
    outcomes: ['storageFull'],
    mend: ({ pool }) => pool.empty(),
  },
  {
    fault: 'repository full',
    when: 'during',
    at: 'copyingData',
    give: ({ pool }) => pool.fill(64 * kib),
    outcomes: ['storageFull'],
    mend: ({ pool }) => pool.empty(),
  },
];

/** The guest overwrites what is not read yet: QEMU has to keep the old content. Not waited for, it may come to a halt. */
function overwrite({ guest }: FaultLab): void {
  const write = 'dd if=/dev/urandom of=/data/vda/first bs=1M count=16 conv=notrunc; sync';
  guest.exec(`setsid sh -c "${write}" </dev/null >/dev/null 2>&1 &`);
}

export const hostRows: readonly FaultRow[] = [...agent, ...qemu, ...guestOff, ...daemon, ...space];
