import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from './limits.ts';
import type { Ours, OurRun } from './ours.ts';
import { median, type Run } from './measure.ts';
import { BorgPeer, ResticPeer } from './peers.ts';
import type { Row } from './table.ts';

const borgRuns = 1;

/** Full backup and restore of the raw image, beside programs that read the same file. */
export class RawDiskBench {
  readonly #ours: Ours;
  readonly #folder: string;
  readonly #images: string;
  readonly #sample: OurRun[] = [];
  readonly #all: OurRun[] = [];
  readonly #restores: OurRun[] = [];
  readonly #restic: Run[] = [];
  readonly #resticRestores: Run[] = [];
  readonly #borg: Run[] = [];

  constructor(ours: Ours, disk: string, folder: string) {
    this.#ours = ours;
    this.#folder = folder;
    this.#images = join(folder, 'images');
    mkdirSync(this.#images);
    copyFileSync(disk, join(this.#images, 'disk.raw'));
  }

  async run(pairs: number): Promise<void> {
    await this.#ours.lab.ok(
      'platforms',
      'add',
      '--client',
      'node1',
      '--kind',
      'image-directory',
      '--path',
      this.#images,
      '--name',
      'images',
    );
    for (let pair = 0; pair < pairs; pair++) await this.#pair(pair);
  }

  async #pair(pair: number): Promise<void> {
    const restic = new ResticPeer(join(this.#folder, `restic${pair}`), join(this.#images, 'disk.raw'));
    await restic.init();
    this.#restic.push(await restic.backup());
    const sample = await this.#full(`sample${pair}`);
    this.#sample.push(sample);
    this.#all.push(await this.#full(`all${pair}`, '--verify-writes', 'all'));
    const resticTarget = join(this.#folder, 'restored-restic');
    this.#resticRestores.push(await restic.restore(resticTarget));
    rmSync(resticTarget, { recursive: true });
    const target = join(this.#folder, 'restored');
    this.#restores.push(await this.#ours.restore(sample.task.backupId ?? 0, target));
    rmSync(target, { recursive: true });
    rmSync(join(this.#folder, `restic${pair}`), { recursive: true });
    if (pair >= borgRuns) return;
    const borg = new BorgPeer(join(this.#folder, `borg${pair}`), join(this.#images, 'disk.raw'));
    await borg.init();
    this.#borg.push(await borg.backup());
    rmSync(join(this.#folder, `borg${pair}`), { recursive: true });
  }

  async #full(rule: string, ...options: string[]): Promise<OurRun> {
    const pool = await this.#ours.addPool(...options);
    await this.#ours.addRule(rule, 'images', 'disk.raw', pool);
    return this.#ours.backUp(rule, pool, '--type', 'full');
  }

  /** How soon the first byte of a raw image is read, ms. */
  get firstReadMs(): number {
    return median([...this.#sample, ...this.#all].map(({ firstReadMs }) => firstReadMs));
  }

  rows(limits: Limits): Row[] {
    const wall = (runs: readonly Run[]) => runs.map(({ wallMs }) => wallMs);
    const stored = (runs: readonly Run[]) => runs.map(({ storedBytes }) => storedBytes);
    const bound = this.#sample.map(() => limits.pipelineSeconds * 1000);
    const full = (settings: string, ours: readonly Run[], peer: string, theirs: number[], aim?: number): Row => ({
      work: 'full, raw file',
      settings,
      peer,
      ours: wall(ours),
      theirs,
      aim,
      unit: 's',
    });
    const sample = 'zstd 1, 256 KiB cells, verify sample';
    return [
      full(sample, this.#sample, 'restic (zstd 3, CDC)', wall(this.#restic), 0.4),
      {
        ...full(sample, this.#sample, 'restic', [], 1.06),
        work: 'size of that',
        ours: stored(this.#sample),
        theirs: stored(this.#restic),
        unit: 'MiB',
      },
      full(sample, this.#sample, 'pipeline bound', bound, 1.3),
      full('the same, verify all', this.#all, 'restic (zstd 3, CDC)', wall(this.#restic), 0.55),
      full(sample, this.#sample.slice(0, this.#borg.length), 'borg (zstd,3)', wall(this.#borg)),
      {
        work: 'full restore, sparse file, hashes checked',
        settings: 'raw',
        peer: 'restic restore',
        ours: wall(this.#restores),
        theirs: wall(this.#resticRestores),
        aim: 0.65,
        unit: 's',
      },
    ];
  }
}
