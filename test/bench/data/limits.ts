import { createCipheriv, createHash, hash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { zstdCompressSync, constants } from 'node:zlib';
import { QemuNbd } from '../../../agent/disks/qemu-nbd.ts';
import { NbdDisk } from '../../../agent/disks/nbd/nbd-disk.ts';

const cellBytes = 256 * 1024;
const readBytes = 1024 * 1024;

/** What the primitives of this machine allow, one thread each. Bytes and seconds. */
export interface Limits {
  /** Data of the disk that is not zero, by cells. */
  dataBytes: number;
  /** The same compressed by zstd 1, cell by cell. */
  packedBytes: number;
  shaSeconds: number;
  zstdSeconds: number;
  sealSeconds: number;
  packHashSeconds: number;
  /** Reading the allocated part through qemu-nbd, 1 MiB × 4 in flight, wall. */
  nbdSeconds: number;
  /** The bound of the pipeline: all of the above but NBD on two cores. */
  pipelineSeconds: number;
}

function secondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Runs every primitive once over the data of a raw disk. */
export async function measureLimits(disk: string, socketPath: string): Promise<Limits> {
  const file = openSync(disk, 'r');
  const cell = Buffer.alloc(cellBytes);
  const zeros = Buffer.alloc(cellBytes);
  const sums = { dataBytes: 0, packedBytes: 0, shaSeconds: 0, zstdSeconds: 0, sealSeconds: 0, packHashSeconds: 0 };
  const params = { [constants.ZSTD_c_compressionLevel]: 1 };
  const cipher = createCipheriv('aes-256-ctr', randomBytes(32), randomBytes(16));
  const packHash = createHash('sha256');
  try {
    for (let at = 0; ; at += cellBytes) {
      const length = readSync(file, cell, 0, cellBytes, at);
      if (length === 0) break;
      if (cell.equals(zeros)) continue;
      let packed: Buffer = cell;
      sums.shaSeconds += secondsOf(() => void hash('sha256', cell, 'buffer'));
      sums.zstdSeconds += secondsOf(() => {
        packed = zstdCompressSync(cell, { params, chunkSize: cellBytes + 2048 });
      });
      if (packed.length >= cell.length) packed = cell;
      sums.sealSeconds += secondsOf(() => void cipher.update(packed));
      sums.packHashSeconds += secondsOf(() => void packHash.update(packed));
      sums.dataBytes += length;
      sums.packedBytes += packed.length;
    }
  } finally {
    closeSync(file);
  }
  const { shaSeconds, zstdSeconds, sealSeconds, packHashSeconds } = sums;
  const pipelineSeconds = (shaSeconds + zstdSeconds + sealSeconds + packHashSeconds) / 2;
  return { ...sums, nbdSeconds: await nbdSeconds(disk, socketPath), pipelineSeconds };
}

async function nbdSeconds(disk: string, socketPath: string): Promise<number> {
  const signal = new AbortController().signal;
  const scope = { signal, acquired: async () => undefined, released: async () => undefined };
  const node = { driver: 'raw', file: { driver: 'file', filename: disk } };
  const server = await QemuNbd.start({ node, writable: false, socketPath }, scope);
  const source = new NbdDisk('disk', 'raw', server.client, () => server.stop());
  try {
    const reads: number[] = [];
    for await (const { offset, length, zero } of source.extents(signal)) {
      if (zero) continue;
      for (let at = offset; at < offset + length; at += readBytes) reads.push(at);
    }
    const started = performance.now();
    const next = async () => {
      for (let at = reads.pop(); at !== undefined; at = reads.pop()) {
        await source.read(at, Math.min(readBytes, source.sizeBytes - at));
      }
    };
    await Promise.all(Array.from({ length: 4 }, next));
    return (performance.now() - started) / 1000;
  } finally {
    await source.close();
  }
}
