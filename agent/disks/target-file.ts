import type { FileHandle } from 'node:fs/promises';
import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../shared/node/atomic-file.ts';
import { DirectFile } from '../../shared/node/direct-file.ts';
import type { TargetDisk } from './disk.ts';
import { writeError } from './file-errors.ts';

/** A new raw image; ranges that nobody writes stay holes. */
export class TargetFile implements TargetDisk {
  readonly sizeBytes: number;
  /** More would only wait for the file's lock in the kernel. */
  readonly parallelWrites = 1;
  readonly #path: string;
  readonly #file: DirectFile;

  private constructor(path: string, file: DirectFile, sizeBytes: number) {
    this.#path = path;
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  /**
   * Creates the file with its full length and no content. Never overwrites one that is there.
   * @throws AppError storageFull, storageFailed
   */
  static async create(path: string, sizeBytes: number, mode = 0o600): Promise<TargetFile> {
    const file = await openFile(path, 'new', mode);
    try {
      await file.truncate(sizeBytes);
      return new TargetFile(path, file, sizeBytes);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw writeError(path, error);
    }
  }

  /** Opens an empty file that the caller has created itself and gives it its full length. */
  static async take(path: string, sizeBytes: number): Promise<TargetFile> {
    try {
      const file = await DirectFile.open(path, 'existing');
      await file.truncate(sizeBytes);
      return new TargetFile(path, file, sizeBytes);
    } catch (error) {
      throw writeError(path, error);
    }
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.write([bytes], offset);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      throw writeError(this.#path, error);
    } finally {
      await this.#file.close();
    }
    await syncFolder(dirname(this.#path));
  }
}

async function openFile(path: string, kind: 'new' | 'existing', mode: number): Promise<DirectFile> {
  try {
    return await DirectFile.open(path, kind, mode);
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Makes an empty file that was not there before. @throws AppError storageFull, storageFailed */
export async function openNew(path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(path, 'wx', mode);
  } catch (error) {
    throw writeError(path, error);
  }
}
