import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export const diskBytes = 4 * 1024 ** 3;

/** 1 % of the disk in the places that a set of changes touches. */
export interface ChangeSet {
  name: 'clustered' | 'scattered';
  extents: Array<{ offset: number; length: number }>;
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/**
 * The recipe: 4 GiB raw, MBR and one ext4 at 1 MiB, made from this machine's own /usr (programs, libraries, documents,
 * about 2.5 GiB) with 512 MiB of AES key stream as incompressible data. It is made once and kept.
 */
export function makeDisk(folder: string): string {
  const disk = join(folder, 'disk.raw');
  if (existsSync(disk)) return disk;
  const root = join(folder, 'root');
  const part = join(folder, 'part.img');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, 'usr/lib'), { recursive: true });
  mkdirSync(join(root, 'data'));
  const parts = ['bin', 'sbin', 'share', 'libexec'].map((name) => `/usr/${name}`).filter(existsSync);
  run('cp', ['-a', ...parts, join(root, 'usr')]);
  const libraries = ['x86_64-linux-gnu', 'jvm', 'python3'].map((name) => `/usr/lib/${name}`).filter(existsSync);
  run('cp', ['-a', ...libraries, join(root, 'usr/lib')]);
  const key = ['-K', '11'.repeat(32), '-iv', '22'.repeat(16)];
  run('sh', [
    '-c',
    `openssl enc -aes-256-ctr -nosalt ${key.join(' ')} -in /dev/zero 2>/dev/null | head -c 512M > "$1"`,
    'sh',
    join(root, 'data/random.bin'),
  ]);
  rmSync(part, { force: true });
  run('truncate', ['-s', '4095M', part]);
  const options = ['-q', '-F', '-m', '0', '-E', 'lazy_itable_init=0,lazy_journal_init=0'];
  run('mkfs.ext4', [...options, '-U', '11111111-2222-3333-4444-555555555555', '-d', root, part]);
  const making = `${disk}.new`;
  writeFileSync(making, '');
  truncateSync(making, diskBytes);
  run('sh', ['-c', `printf 'label: dos\\nstart=2048, type=83\\n' | sfdisk -q "$1"`, 'sh', making]);
  run('dd', [`if=${part}`, `of=${making}`, 'bs=1M', 'seek=1', 'conv=notrunc,sparse', 'status=none']);
  rmSync(root, { recursive: true });
  rmSync(part);
  run('mv', [making, disk]);
  return disk;
}

/** mulberry32: the same seed gives the same places on every machine. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const unitBytes = { clustered: 4 * 1024 ** 2, scattered: 64 * 1024 } as const;

/** 1 % of the disk: ten runs of 4 MiB, or 655 runs of 64 KiB, within the part that holds data. */
export function changeSet(name: ChangeSet['name'], seed: number): ChangeSet {
  const unit = unitBytes[name];
  const random = randomOf(seed);
  const places = new Set<number>();
  while (places.size < Math.floor((diskBytes * 0.01) / unit))
    places.add(Math.floor((random() * 3.1 * 1024 ** 3) / unit));
  const extents = [...places].toSorted((a, b) => a - b).map((place) => ({ offset: place * unit, length: unit }));
  return { name, extents };
}

/** What is written there: pieces of a large library, each with a number of its own, so that none was stored before. */
export function newContent(set: ChangeSet, generation: number): Buffer[] {
  const source =
    ['/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1', '/usr/lib/x86_64-linux-gnu/libLLVM-15.so.1', process.execPath].find(
      existsSync,
    ) ?? process.execPath;
  const size = statSync(source).size;
  const file = openSync(source, 'r');
  try {
    return set.extents.map(({ length }, index) => {
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, (index * length + generation * 8192) % (size - length));
      for (let at = 0; at < length; at += 65_536)
        bytes.writeUInt32LE(generation * 1_000_000 + index * 100 + at / 65_536, at);
      return bytes;
    });
  } finally {
    closeSync(file);
  }
}

/** Writes a set of changes into a raw file. */
export function applyToFile(path: string, set: ChangeSet, content: readonly Buffer[]): void {
  const file = openSync(path, 'r+');
  try {
    set.extents.forEach(({ offset, length }, index) => writeSync(file, content[index] as Buffer, 0, length, offset));
  } finally {
    closeSync(file);
  }
}
