import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Run, timed } from './measure.ts';

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  const { stdout } = spawnSync('du', ['-sb', '--apparent-size', folder], { encoding: 'utf8' });
  return Number(stdout.split('\t')[0]);
}

export function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

async function growing(folder: string, work: () => Promise<Run>): Promise<Run> {
  const before = folderBytes(folder);
  return { ...(await work()), storedBytes: folderBytes(folder) - before };
}

/** A backup program that looks at a raw file of the disk and finds out by itself what changed. */
export interface RescanningPeer {
  name: string;
  settings: string;
  backup(): Promise<Run>;
}

/** Debian's restic with its defaults (content-defined chunks, zstd 3), its cache beside the repository. */
export class ResticPeer implements RescanningPeer {
  readonly name = 'restic';
  readonly settings = 'defaults: zstd 3, CDC';
  readonly #disk: string;
  readonly #repository: string;
  readonly #common: string[];

  constructor(folder: string, disk: string) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'password'), 'bench');
    this.#disk = disk;
    this.#repository = join(folder, 'repository');
    const password = ['--password-file', join(folder, 'password'), '--cache-dir', join(folder, 'cache')];
    this.#common = ['-q', '-r', this.#repository, ...password];
  }

  async init(): Promise<void> {
    await timed('restic', [...this.#common, 'init', '--repository-version', '2']);
  }

  backup(): Promise<Run> {
    return growing(this.#repository, () => timed('restic', [...this.#common, 'backup', this.#disk]));
  }

  restore(target: string): Promise<Run> {
    return timed('restic', [...this.#common, 'restore', 'latest', '--target', target]);
  }
}

/** Borg with the level that is nearest to restic's. */
export class BorgPeer implements RescanningPeer {
  readonly name = 'borg';
  readonly settings = 'zstd,3, default chunker, repokey';
  readonly #disk: string;
  readonly #repository: string;
  readonly #env: NodeJS.ProcessEnv;
  #count = 0;

  constructor(folder: string, disk: string) {
    mkdirSync(folder, { recursive: true });
    this.#disk = disk;
    this.#repository = join(folder, 'repository');
    this.#env = { BORG_PASSPHRASE: 'bench', BORG_BASE_DIR: join(folder, 'base') };
  }

  async init(): Promise<void> {
    await timed('borg', ['init', '--encryption', 'repokey', this.#repository], this.#env);
  }

  backup(): Promise<Run> {
    const archive = `${this.#repository}::${this.#count++}`;
    return growing(this.#repository, () =>
      timed('borg', ['create', '--compression', 'zstd,3', archive, this.#disk], this.#env),
    );
  }
}

/** The peer that does the same job: changed blocks of a running VM through libvirt. */
export class VirtnbdbackupPeer {
  readonly name = 'virtnbdbackup';
  readonly #domain: string;
  readonly #folder: string;

  constructor(folder: string, domain: string) {
    mkdirSync(folder, { recursive: true });
    this.#domain = domain;
    this.#folder = folder;
  }

  full(): Promise<Run> {
    return this.#backup(['-l', 'full', '--compress']);
  }

  incremental(): Promise<Run> {
    return this.#backup(['-l', 'inc', '--compress']);
  }

  #backup(level: readonly string[]): Promise<Run> {
    return growing(this.#folder, () => timed('virtnbdbackup', ['-d', this.#domain, ...level, '-o', this.#folder]));
  }
}
