import { createHash } from 'node:crypto';
import { idBytes, isZeroBlob } from './blob-id.ts';
import { type ContentForm, overheadOf } from './content-form.ts';

/** An entry: 32 bytes of blob id, then the length of its content as u32 LE. */
const entryBytes = idBytes + 4;
const segmentEntries = 8192;

export interface ContentEntry {
  /** Where the content of the blob stands: the sum of the lengths before. */
  offset: number;
  length: number;
  /** In place; copy it to keep it. */
  id: Buffer;
}

/**
 * The ordered blobs of a file. All lengths and offsets are those of the content: a blob that holds a frame of the protective
 * transformation counts with the chunk that is in it. Lengths may be mixed, so offsets are always sums of lengths. Held flat,
 * 36 bytes an entry, which is at the same time what the digest is made of (DETAILS 4).
 */
export class ContentList {
  readonly form: ContentForm;
  readonly #segments: Buffer[] = [];
  #count = 0;
  #sizeBytes = 0;

  constructor(form: ContentForm = 'raw') {
    this.form = form;
  }

  /** Number of blobs. */
  get count(): number {
    return this.#count;
  }

  /** Sum of all lengths: the size of what is in the file. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Size of the file as the snapshot has it: the frames, where there are any, are part of it. */
  get fileBytes(): number {
    return this.#sizeBytes + this.#count * overheadOf[this.form];
  }

  add(id: Uint8Array, length: number): void {
    if (this.#count % segmentEntries === 0) this.#segments.push(Buffer.allocUnsafeSlow(segmentEntries * entryBytes));
    const at = (this.#count % segmentEntries) * entryBytes;
    const segment = this.#segments[this.#segments.length - 1] as Buffer;
    segment.set(id, at);
    segment.writeUInt32LE(length, at + idBytes);
    this.#count++;
    this.#sizeBytes += length;
  }

  /** The id of entry `i`, in place. */
  id(i: number): Buffer {
    const at = (i % segmentEntries) * entryBytes;
    return this.#segment(i).subarray(at, at + idBytes);
  }

  /** The content length of entry `i` in bytes. */
  length(i: number): number {
    return this.#segment(i).readUInt32LE((i % segmentEntries) * entryBytes + idBytes);
  }

  /** Whether entry `i` is a known blob of zeros. */
  isZero(i: number): boolean {
    return isZeroBlob(this.id(i), this.length(i), i === this.#count - 1, this.form);
  }

  *entries(): Generator<ContentEntry> {
    let offset = 0;
    for (let i = 0; i < this.#count; i++) {
      const length = this.length(i);
      yield { offset, length, id: this.id(i) };
      offset += length;
    }
  }

  /** Bytes of the entries that are not known zero blobs: what a restore has to read and write. */
  nonZeroBytes(): number {
    let bytes = 0;
    for (let i = 0; i < this.#count; i++) if (!this.isZero(i)) bytes += this.length(i);
    return bytes;
  }

  /** SHA-256 over (id, u32 LE length) per entry, as hex (DETAILS 4). */
  digest(): string {
    const hash = createHash('sha256');
    this.#segments.forEach((segment, k) => {
      const entries = Math.min(segmentEntries, this.#count - k * segmentEntries);
      hash.update(segment.subarray(0, entries * entryBytes));
    });
    return hash.digest('hex');
  }

  #segment(i: number): Buffer {
    if (i < 0 || i >= this.#count) throw new RangeError(`entry ${i} of ${this.#count}`);
    return this.#segments[Math.floor(i / segmentEntries)] as Buffer;
  }
}
