import { AppError } from '../../shared/errors.ts';
import type { Extent, SourceDisk } from './disk.ts';
import { findProgram } from './find-program.ts';
import { describeChain } from './image-chain.ts';
import type { ImageFormat } from './image-format.ts';
import type { DiskScope } from './journal.ts';
import { allocatedExtents, NbdDisk } from './nbd/nbd-disk.ts';
import { QemuNbd } from './qemu-nbd.ts';
import { RawFileDisk } from './raw-file.ts';

export interface FileDiskOptions {
  id: string;
  path: string;
  format: ImageFormat;
  /** Makes the folder for the socket when one is needed and returns the socket's path. */
  socketPath(): Promise<string>;
  /** Decides about each file of the chain by its real path; it throws for what must not be read. */
  mayRead(realPath: string): void;
  /** Persistent bitmap of a qcow2 image that shall be offered as well: {@link NbdDisk.dirtyExtents}. */
  bitmap?: string | undefined;
}

/**
 * Opens an image that nobody is expected to write. Raw files are read by this process; qemu-nbd, where installed, only
 * tells where their holes are. Every other format is read through qemu-nbd, with locks shared, so that a VM can start
 * meanwhile.
 * @throws AppError diskMissing, diskUnsupported, diskReadFailed, programMissing, cancelled
 */
export async function openFileDisk(options: FileDiskOptions, scope: DiskScope): Promise<SourceDisk> {
  const chain = await describeChain(options.path, options.format, (file) => options.mayRead(file));
  const { node, files, isDevice } = chain;
  const serve = async () => {
    const socketPath = await options.socketPath();
    return QemuNbd.start({ node, writable: false, socketPath, bitmap: options.bitmap }, scope);
  };
  if (options.format !== 'raw' || isDevice) {
    const server = await serve();
    const { sizeBytes } = server.client.export;
    // QEMU reads the descriptor by itself: what it opened must be what we checked.
    if (options.format === 'vmdk' && sizeBytes !== chain.sizeBytes) {
      await server.stop();
      throw new AppError(
        'diskUnsupported',
        `${options.path} cannot be read: QEMU finds ${sizeBytes} bytes in it, its headers say ${chain.sizeBytes}`,
      );
    }
    return new NbdDisk(options.id, options.format, server.client, () => server.stop());
  }
  const raw = await RawFileDisk.open(options.id, files[0] ?? options.path);
  // QEMU counts in sectors and would see a longer disk.
  if (!raw.sparse || raw.sizeBytes % 512 !== 0 || (await findProgram('qemu-nbd')) === undefined) return raw;
  try {
    return new MappedRawDisk(raw, await serve());
  } catch (error) {
    await raw.close();
    throw error;
  }
}

/** A sparse raw file: the map comes from qemu-nbd, the data straight from the file. */
class MappedRawDisk implements SourceDisk {
  readonly id: string;
  readonly format = 'raw';
  readonly sizeBytes: number;
  readonly #raw: RawFileDisk;
  readonly #map: QemuNbd;

  constructor(raw: RawFileDisk, map: QemuNbd) {
    this.id = raw.id;
    this.sizeBytes = raw.sizeBytes;
    this.#raw = raw;
    this.#map = map;
  }

  extents(signal: AbortSignal): AsyncIterable<Extent> {
    return allocatedExtents(this.#map.client, signal);
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return this.#raw.read(offset, length);
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    await this.#raw.readInto(offset, target);
  }

  async close(): Promise<void> {
    try {
      await this.#map.stop();
    } finally {
      await this.#raw.close();
    }
  }
}
