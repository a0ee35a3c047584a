import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { alignedBuffers, blockBytes, isAccepted } from './aligned-buffers.ts';
import { openDirect } from './open-direct.ts';

/**
 * Reads a file around the page cache where the file system can: reading a whole disk must not push out what the host's
 * guests have there, and filling fresh cache pages costs more than the reading. Elsewhere it reads as usual.
 */
export class DirectReader {
  readonly #plain: FileHandle;
  readonly #direct: FileHandle | undefined;
  #isRefused = false;

  private constructor(plain: FileHandle, direct: FileHandle | undefined) {
    this.#plain = plain;
    this.#direct = direct;
  }

  /** Takes over an open file. @throws system errors; the file is then still open */
  static async of(file: FileHandle): Promise<DirectReader> {
    return new DirectReader(file, await openDirect(file, constants.O_RDONLY));
  }

  /** Whether whole blocks come around the page cache. */
  get isDirect(): boolean {
    return this.#direct !== undefined && !this.#isRefused;
  }

  /** Reads some bytes at the offset. @returns how many, 0 = the file ends there @throws system errors */
  async read(target: Uint8Array, offset: number): Promise<number> {
    const direct = this.#isRefused ? undefined : this.#direct;
    const isAligned = offset % blockBytes === 0 && target.length >= blockBytes;
    if (direct === undefined || !isAligned) return this.#readPlain(target, offset);
    const buffer = await alignedBuffers.take();
    try {
      const wanted = Math.min(buffer.length, target.length - (target.length % blockBytes));
      const reading = direct.read(buffer, 0, wanted, offset);
      if (!(await isAccepted(reading))) {
        // The file stays open: other reads may be under way.
        this.#isRefused = true;
        return await this.#readPlain(target, offset);
      }
      const { bytesRead } = await reading;
      target.set(buffer.subarray(0, bytesRead));
      return bytesRead;
    } finally {
      alignedBuffers.give(buffer);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#direct?.close();
    } finally {
      await this.#plain.close();
    }
  }

  async #readPlain(target: Uint8Array, offset: number): Promise<number> {
    return (await this.#plain.read(target, 0, target.length, offset)).bytesRead;
  }
}
