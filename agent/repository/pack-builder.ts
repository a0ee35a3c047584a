import { createHash } from 'node:crypto';
import { type BlobType, idBytes } from './blob-id.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { SealingKey } from './cipher.ts';
import type { FinishedPack, PackedBlob } from './index-file.ts';
import { encodePackHeader } from './pack-header.ts';

/** A sealed blob on its way into a pack. */
export interface SealedBlob {
  id: Uint8Array;
  /** The stored bytes in pieces; gone through once. */
  parts: Iterable<Uint8Array>;
  plainLength: number;
  compressed: boolean;
}

/** A pack is closed at this size; restic's default target. */
export const targetBytes = 16 * 1024 * 1024;
/** Far below restic's header limit of 16 MiB, for packs of tiny blobs. */
export const maxBlobs = 20_000;

/** One open pack: blobs back to back, then the sealed header and its length. It stands in blocks of the pool. */
export class PackBuilder {
  readonly type: BlobType;
  readonly #pool: BufferPool;
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  readonly #blobs: PackedBlob[] = [];
  readonly #hash = createHash('sha256');
  /** Bytes of the last block that are in use. */
  #filled = 0;
  #size = 0;

  constructor(type: BlobType, pool: BufferPool) {
    this.type = type;
    this.#pool = pool;
  }

  get isFull(): boolean {
    return this.#size >= targetBytes || this.#blobs.length >= maxBlobs;
  }

  /** Copies the blob. @returns the stored length in bytes */
  add(blob: SealedBlob): number {
    const offset = this.#size;
    for (const part of blob.parts) this.#append(part);
    const length = this.#size - offset;
    // The id often lies in a batch's buffer, which would stay alive as long as the index entry.
    const id = Buffer.from(Buffer.from(blob.id.buffer, blob.id.byteOffset, idBytes));
    this.#blobs.push({ id, offset, length, plainLength: blob.plainLength, compressed: blob.compressed });
    return length;
  }

  /** Closes the pack: its bytes, which live until {@link release}, and what the index has to say about it. */
  finish(key: SealingKey): { pack: FinishedPack; parts: readonly Uint8Array[]; sizeBytes: number } {
    const header = key.seal(encodePackHeader(this.type, this.#blobs));
    const trailer = Buffer.alloc(4);
    trailer.writeUInt32LE(header.length);
    this.#append(header);
    this.#append(trailer);
    const name = this.#hash.digest('hex');
    const last = this.#blocks.length - 1;
    const parts = this.#blocks.map((block, i) => (i === last ? block.subarray(0, this.#filled) : block));
    return { pack: { name, type: this.type, blobs: this.#blobs }, parts, sizeBytes: this.#size };
  }

  /** Gives the blocks back once nobody reads the parts any more. */
  release(): void {
    for (const block of this.#blocks.splice(0)) this.#pool.give(block.buffer);
  }

  #append(part: Uint8Array): void {
    this.#hash.update(part);
    this.#size += part.length;
    for (let at = 0; at < part.length; ) {
      const room = this.#room();
      const piece = part.subarray(at, at + room.length);
      room.set(piece);
      this.#filled += piece.length;
      at += piece.length;
    }
  }

  /** The free end of the last block, never empty. */
  #room(): Uint8Array {
    const last = this.#blocks.at(-1);
    if (last !== undefined && this.#filled < last.length) return last.subarray(this.#filled);
    const block = new Uint8Array(this.#pool.take());
    this.#blocks.push(block);
    this.#filled = 0;
    return block;
  }
}
