import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { alignedBuffers, blockBytes, isAccepted } from './aligned-buffers.ts';
import { openDirect } from './open-direct.ts';

/** Below this it saves nothing. */
const smallestDirect = 64 * 1024;

/**
 * A file that is written around the page cache where the file system can: what a backup writes is not read again soon,
 * and copying it into fresh cache pages costs more than compressing it. Elsewhere it is an ordinary file.
 */
export class DirectFile {
  readonly #path: string;
  /** For what is no whole block, and for everything where direct I/O cannot be had. */
  readonly #plain: FileHandle;
  readonly #direct: FileHandle | undefined;
  #isRefused = false;

  private constructor(path: string, plain: FileHandle, direct: FileHandle | undefined) {
    this.#path = path;
    this.#plain = plain;
    this.#direct = direct;
  }

  /**
   * Makes a new file, or takes over an empty one that is there.
   * @throws system errors: EEXIST for `new` when there is one, ENOENT for `existing` when there is none, …
   */
  static async open(path: string, kind: 'new' | 'existing', mode = 0o600): Promise<DirectFile> {
    const plain = await open(path, kind === 'new' ? 'wx' : 'r+', mode);
    try {
      return new DirectFile(path, plain, await openDirect(plain, constants.O_WRONLY));
    } catch (error) {
      await plain.close();
      throw error;
    }
  }

  /** Whether whole blocks go around the page cache. */
  get isDirect(): boolean {
    return this.#direct !== undefined && !this.#isRefused;
  }

  /** Sets the length. @throws system errors */
  truncate(sizeBytes: number): Promise<void> {
    return this.#plain.truncate(sizeBytes);
  }

  /**
   * Writes the parts one behind the other. Calls may overlap in time when no 4 KiB block belongs to two of them.
   * @param position bytes from the start of the file
   * @throws system errors: ENOSPC, EIO, …
   */
  async write(parts: readonly Uint8Array[], position = 0): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const worthIt = length >= smallestDirect && position % blockBytes === 0;
    if (!this.isDirect || !worthIt) return this.#writePlain(parts, position);
    const buffer = await alignedBuffers.take();
    try {
      let at = position;
      for (const filled of gather(parts, buffer)) {
        await this.#writeBlocks(filled, at);
        at += filled.length;
      }
    } finally {
      alignedBuffers.give(buffer);
    }
  }

  /** Makes everything durable. @throws system errors */
  sync(): Promise<void> {
    return this.#plain.sync();
  }

  async close(): Promise<void> {
    try {
      await this.#direct?.close();
    } finally {
      await this.#plain.close();
    }
  }

  /** @param bytes at the start of an aligned buffer */
  async #writeBlocks(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    const whole = bytes.length - (bytes.length % blockBytes);
    while (done < whole && done % blockBytes === 0 && this.#direct !== undefined && !this.#isRefused) {
      const writing = this.#direct.write(bytes, done, whole - done, position + done);
      // The file stays open: other writes may be under way.
      if (await isAccepted(writing)) done += (await writing).bytesWritten;
      else this.#isRefused = true;
    }
    if (done < bytes.length) await this.#writePlain([bytes.subarray(done)], position + done);
  }

  /** writev takes at most 1024 buffers and may write less than it was given. */
  async #writePlain(parts: readonly Uint8Array[], position: number): Promise<void> {
    let pending = parts.filter((part) => part.length > 0);
    let at = position;
    while (pending.length > 0) {
      const batch = pending.slice(0, 512);
      let { bytesWritten } = await this.#plain.writev(batch, at);
      if (bytesWritten === 0) throw new Error(`${this.#path}: the file system wrote nothing`);
      at += bytesWritten;
      let full = 0;
      while (full < batch.length && bytesWritten >= (batch[full] as Uint8Array).length)
        bytesWritten -= (batch[full++] as Uint8Array).length;
      pending = pending.slice(full);
      if (bytesWritten > 0) pending[0] = (pending[0] as Uint8Array).subarray(bytesWritten);
    }
  }
}

/** The parts, copied into the buffer as often as it gets full; each result is in place until the next is asked for. */
function* gather(parts: readonly Uint8Array[], buffer: Uint8Array): Generator<Uint8Array> {
  let filled = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const piece = part.subarray(at, at + buffer.length - filled);
      buffer.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled < buffer.length) continue;
      yield buffer;
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
