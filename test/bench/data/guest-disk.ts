import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { qemuImg } from '../../agent/disks/images.ts';
import type { Guest } from '../../lab/lab.ts';
import { applyToGuest } from './guest-changes.ts';
import { median, type Run } from './measure.ts';
import type { Ours, OurRun } from './ours.ts';
import { ResticPeer, VirtnbdbackupPeer } from './peers.ts';
import { applyToFile, changeSet, newContent } from './synthetic-disk.ts';
import type { Row } from './table.ts';

const works = ['full', 'clustered', 'scattered', 'scattered again'] as const;
type Work = (typeof works)[number];
type Results<R> = Record<Work, R[]>;
const none = <R>(): Results<R> => ({ full: [], clustered: [], scattered: [], 'scattered again': [] });
/** Of the first virtio disk: the PCI device with libvirt's alias is only the shell of the one that has the drive. */
const device = '/machine/peripheral/virtio-disk0/virtio-backend';

/**
 * Two running lab VMs with the same synthetic disk and the same changes: changed blocks through libvirt, task start to Done.
 * Two, because virtnbdbackup refuses a VM with anybody else's checkpoints.
 */
export class GuestBench {
  readonly #ours: Ours;
  readonly #guest: Guest;
  readonly #peerGuest: Guest;
  readonly #disk: string;
  readonly #folder: string;
  readonly #own = none<OurRun>();
  readonly #peer = none<Run>();
  readonly #restic = none<Run>();

  constructor(ours: Ours, [guest, peerGuest]: readonly [Guest, Guest], disk: string, folder: string) {
    this.#ours = ours;
    this.#guest = guest;
    this.#peerGuest = peerGuest;
    this.#disk = disk;
    this.#folder = folder;
  }

  async run(pairs: number, uri: string): Promise<void> {
    for (const guest of [this.#guest, this.#peerGuest]) {
      const image = guest.image(0, 'qcow2');
      rmSync(image);
      qemuImg('convert', '-f', 'raw', '-O', 'qcow2', this.#disk, image);
      guest.start();
    }
    await this.#ours.lab.ok('platforms', 'add', '--client', 'node1', '--kind', 'libvirt', '--uri', uri);
    for (let pair = 0; pair < pairs; pair++) await this.#pair(pair);
  }

  async #pair(pair: number): Promise<void> {
    const copy = join(this.#folder, 'copy.raw');
    copyFileSync(this.#disk, copy);
    const rule = `guest${pair}`;
    const pool = await this.#ours.addPool();
    await this.#ours.addRule(rule, 'libvirt', this.#guest.domain, pool);
    const peer = new VirtnbdbackupPeer(join(this.#folder, `virtnbdbackup${pair}`), this.#peerGuest.domain);
    const restic = new ResticPeer(join(this.#folder, `restic-copy${pair}`), copy);
    await restic.init();
    this.#own.full.push(await this.#ours.backUp(rule, pool));
    this.#peer.full.push(await peer.full());
    await restic.backup();
    const places = { clustered: changeSet('clustered', 100 + pair), scattered: changeSet('scattered', 200 + pair) };
    const steps = [
      ['clustered', places.clustered],
      ['scattered', places.scattered],
      ['scattered again', places.scattered],
    ] as const;
    for (const [generation, [work, set]] of steps.entries()) {
      const content = newContent(set, pair * 10 + generation + 1);
      applyToFile(copy, set, content);
      for (const { domain } of [this.#guest, this.#peerGuest])
        applyToGuest(domain, device, join(this.#folder, 'slices'), set, content);
      const run = await this.#ours.backUp(rule, pool);
      // QEMU tells a failed write to its log only.
      const changed = set.extents.reduce((sum, { length }) => sum + length, 0);
      if (run.task.bytesRead < changed) throw new Error(`only ${run.task.bytesRead} of ${changed} bytes have changed`);
      this.#own[work].push(run);
      this.#peer[work].push(await peer.incremental());
      this.#restic[work].push(await restic.backup());
    }
    for (const name of [`virtnbdbackup${pair}`, `restic-copy${pair}`, 'slices', 'copy.raw'])
      rmSync(join(this.#folder, name), { recursive: true, force: true });
  }

  rows(): Row[] {
    const peer = 'virtnbdbackup --compress';
    const row = (work: Work, aim: number): Row => ({
      work: `${work === 'full' ? 'full' : `incremental, 1 % ${work}`}, running VM`,
      settings: 'zstd 1, 256 KiB cells, verify sample, frozen',
      peer,
      ours: this.#own[work].map(({ wallMs }) => wallMs),
      theirs: this.#peer[work].map(({ wallMs }) => wallMs),
      aim,
      unit: 's',
    });
    const against = (work: Exclude<Work, 'full'>): Row => ({
      ...row(work, 0.08),
      peer: 'restic (rescans)',
      theirs: this.#restic[work].map(({ wallMs }) => wallMs),
    });
    const size = (work: Work, aim?: number): Row => ({
      ...row(work, 0),
      work: `size of ${work}`,
      ours: this.#own[work].map(({ storedBytes }) => storedBytes),
      theirs: this.#peer[work].map(({ storedBytes }) => storedBytes),
      aim,
      unit: 'MiB',
    });
    return [
      row('full', 0.5),
      size('full', 0.85),
      row('clustered', 0.5),
      against('clustered'),
      size('clustered'),
      row('scattered', 0.75),
      row('scattered again', 0.5),
      against('scattered'),
      against('scattered again'),
      size('scattered'),
      size('scattered again'),
    ];
  }

  /** How soon the first byte of an incremental is read. @param rawMs the same of a raw image */
  firstReads(rawMs: number): string {
    const first = this.#own.clustered.map(({ firstReadMs }) => firstReadMs);
    const frozen = this.#own.clustered.map(({ task }) => task.frozenMilliseconds ?? Number.NaN);
    return `start of a job to the first byte read, open repository (aim ≤ 150 ms): raw image ${rawMs.toFixed(0)} ms, running VM with its guest frozen ${median(first).toFixed(0)} ms, of which the guest stood still ${median(frozen).toFixed(0)} ms`;
  }
}
