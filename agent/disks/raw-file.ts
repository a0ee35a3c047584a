import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { AppError } from '../../shared/errors.ts';
import { DirectReader } from '../../shared/node/direct-reader.ts';
import type { Extent, SourceDisk } from './disk.ts';
import { wholeDisk } from './extents.ts';
import { readError } from './file-errors.ts';

/**
 * A raw image that is read by this process. Without a block map its holes are read like data, since Node has no
 * SEEK_HOLE; only a file that occupies no block at all is known to be zero.
 */
export class RawFileDisk implements SourceDisk {
  readonly format = 'raw';
  readonly id: string;
  readonly sizeBytes: number;
  /** True when the file occupies less than it is long, so that a block map is worth asking for. */
  readonly sparse: boolean;
  readonly #empty: boolean;
  readonly #path: string;
  readonly #file: DirectReader;

  private constructor(id: string, path: string, file: DirectReader, sizeBytes: number, allocatedBytes: number) {
    this.id = id;
    this.#path = path;
    this.#file = file;
    this.sizeBytes = sizeBytes;
    this.#empty = allocatedBytes === 0;
    this.sparse = allocatedBytes < sizeBytes;
  }

  /** @throws AppError diskMissing, diskUnsupported for anything but a regular file, diskReadFailed */
  static async open(id: string, path: string): Promise<RawFileDisk> {
    const file = await openImage(path);
    try {
      const { size, blocks } = await file.stat();
      return new RawFileDisk(id, path, await DirectReader.of(file), size, blocks * 512);
    } catch (error) {
      await file.close();
      throw readError(path, error);
    }
  }

  async *extents(signal: AbortSignal): AsyncIterable<Extent> {
    yield* wholeDisk(this.sizeBytes, this.#empty, signal);
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length);
    await this.readInto(offset, bytes);
    return bytes;
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    let done = 0;
    while (done < target.length) {
      const count = await this.#readSome(target.subarray(done), offset + done);
      if (count === 0) {
        throw new AppError(
          'diskReadFailed',
          `${this.#path} ended at byte ${offset + done}: it was shortened while being read`,
        );
      }
      done += count;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #readSome(target: Uint8Array, offset: number): Promise<number> {
    try {
      return await this.#file.read(target, offset);
    } catch (error) {
      throw readError(this.#path, error);
    }
  }
}

/**
 * Opens an image for reading. Does not hang on a FIFO that took the image's place and refuses everything that is neither
 * a regular file nor a block device.
 * @throws AppError diskMissing, diskUnsupported, diskReadFailed
 */
export async function openImage(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw readError(path, error);
  }
  try {
    const info = await file.stat();
    if (!info.isFile() && !info.isBlockDevice()) throw new AppError('diskUnsupported', `${path} is not a regular file`);
    return file;
  } catch (error) {
    await file.close();
    throw readError(path, error);
  }
}
