import { createHash } from 'node:crypto';
import type { ByteSink, ByteSource } from '../../agent/repository/byte-source.ts';

export interface Extent {
  offset: number;
  length: number;
  zero: boolean;
}

/** A disk in memory. Without extents it says that everything holds data. */
export class BufferSource implements ByteSource {
  readonly bytes: Buffer;
  readonly map: readonly Extent[];
  /** Bytes asked for so far. */
  bytesRead = 0;

  constructor(bytes: Buffer, extents?: readonly Extent[]) {
    this.bytes = bytes;
    this.map = extents ?? (bytes.length === 0 ? [] : [{ offset: 0, length: bytes.length, zero: false }]);
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  async *extents(): AsyncIterable<Extent> {
    yield* this.map;
  }

  read(offset: number, length: number): Promise<Buffer> {
    this.bytesRead += length;
    const copy = Buffer.allocUnsafeSlow(length);
    this.bytes.copy(copy, 0, offset, offset + length);
    return Promise.resolve(copy);
  }
}

/** Collects what a restore writes; ranges that were not written stay zero. */
export class BufferSink implements ByteSink {
  readonly bytes: Buffer;
  bytesWritten = 0;

  constructor(sizeBytes: number) {
    this.bytes = Buffer.alloc(sizeBytes);
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    if (offset + bytes.length > this.bytes.length) return Promise.reject(new Error('written behind the end'));
    this.bytes.set(bytes, offset);
    this.bytesWritten += bytes.length;
    return Promise.resolve();
  }
}

/** Pseudo-random bytes that compress to about half, the same for the same seed. */
export function testBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, length >> 2);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = (state & 0x0f0f0f0f) | 0x40404040;
  }
  bytes.fill(0x5a, words.length * 4);
  return bytes;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
