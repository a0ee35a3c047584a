import { createHash } from 'node:crypto';
import { type BlobType, idBytes } from './blob-id.ts';
import type { SealingKey } from './cipher.ts';
import type { FinishedPack, PackedBlob } from './index-file.ts';
import { encodePackHeader } from './pack-header.ts';

/** A sealed blob on its way into a pack. */
export interface SealedBlob {
  id: Uint8Array;
  /** The stored bytes in pieces. */
  parts: readonly Uint8Array[];
  plainLength: number;
  compressed: boolean;
}

/** A pack is closed at this size; restic's default target. */
const targetBytes = 16 * 1024 * 1024;
/** Far below restic's header limit of 16 MiB, for packs of tiny blobs. */
const maxBlobs = 20_000;

/** One open pack: blobs back to back, then the sealed header and its length. */
export class PackBuilder {
  readonly type: BlobType;
  readonly #parts: Uint8Array[] = [];
  readonly #blobs: PackedBlob[] = [];
  readonly #hash = createHash('sha256');
  #size = 0;

  constructor(type: BlobType) {
    this.type = type;
  }

  get isFull(): boolean {
    return this.#size >= targetBytes || this.#blobs.length >= maxBlobs;
  }

  /** @returns the stored length in bytes */
  add(blob: SealedBlob): number {
    const offset = this.#size;
    for (const part of blob.parts) this.#append(part);
    const length = this.#size - offset;
    // The id often lies in a batch's buffer, which would stay alive as long as the index entry.
    const id = Buffer.from(Buffer.from(blob.id.buffer, blob.id.byteOffset, idBytes));
    this.#blobs.push({ id, offset, length, plainLength: blob.plainLength, compressed: blob.compressed });
    return length;
  }

  /** Closes the pack: its bytes, and what the index has to say about it. */
  finish(key: SealingKey): { pack: FinishedPack; parts: readonly Uint8Array[]; sizeBytes: number } {
    const header = key.seal(encodePackHeader(this.type, this.#blobs));
    const trailer = Buffer.alloc(4);
    trailer.writeUInt32LE(header.length);
    this.#append(header);
    this.#append(trailer);
    const name = this.#hash.digest('hex');
    return { pack: { name, type: this.type, blobs: this.#blobs }, parts: this.#parts, sizeBytes: this.#size };
  }

  #append(part: Uint8Array): void {
    this.#parts.push(part);
    this.#hash.update(part);
    this.#size += part.length;
  }
}
