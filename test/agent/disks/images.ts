import { execFileSync, spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Extent, SourceDisk } from '../../../agent/disks/disk.ts';

export const mib = 1024 * 1024;

/** True when qemu-utils are here; says so loudly when they are not. */
export function haveQemu(): boolean {
  const there = spawnSync('qemu-nbd', ['--version']).status === 0 && spawnSync('qemu-img', ['--version']).status === 0;
  if (!there) console.warn('SKIPPED: qemu-utils is not installed, nothing of qcow2 and NBD is tested');
  return there;
}

/** Bytes that depend on the seed only and do not compress. */
export function noise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** A sparse raw image with some pieces of content. */
export async function writeRaw(
  path: string,
  sizeBytes: number,
  pieces: Readonly<Record<number, Buffer>>,
): Promise<Buffer> {
  const whole = Buffer.alloc(sizeBytes);
  const file = await open(path, 'wx');
  await file.truncate(sizeBytes);
  for (const [offset, bytes] of Object.entries(pieces)) {
    await file.write(bytes, 0, bytes.length, Number(offset));
    bytes.copy(whole, Number(offset));
  }
  await file.close();
  return whole;
}

export function qemuImg(...args: string[]): void {
  execFileSync('qemu-img', args, { stdio: 'pipe' });
}

export async function allExtents(disk: SourceDisk, signal = new AbortController().signal): Promise<Extent[]> {
  const all: Extent[] = [];
  for await (const extent of disk.extents(signal)) all.push({ ...extent });
  return all;
}

/** Reads a disk as a backup does: only what is not zero, several reads at once. Checks that extents have no gaps. */
export async function readDisk(disk: SourceDisk, step = mib): Promise<Buffer> {
  const whole = Buffer.alloc(disk.sizeBytes);
  let at = 0;
  const reads: Promise<void>[] = [];
  for (const { offset, length, zero } of await allExtents(disk)) {
    if (offset !== at || length <= 0) throw new Error(`extents have a gap at ${at}: ${offset}+${length}`);
    at += length;
    for (let from = offset; !zero && from < at; from += step) {
      reads.push(disk.read(from, Math.min(step, at - from)).then((bytes) => whole.set(bytes, from)));
    }
  }
  if (at !== disk.sizeBytes) throw new Error(`extents end at ${at} of ${disk.sizeBytes}`);
  await Promise.all(reads);
  return whole;
}
