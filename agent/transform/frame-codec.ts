import { createHmac, timingSafeEqual } from 'node:crypto';
import { AppError, messageOf } from '../../shared/errors.ts';
import type { TransformCipher } from '../../shared/model/transform.ts';
import { compress, decompress } from '../repository/compression.ts';
import { freeWhole } from '../repository/memory.ts';
import { ciphers, findCipher } from './all.ts';
import type { BlockCipher } from './block-cipher.ts';
import { type FrameHeader, frameOverhead, readHeader, taggedHeaderBytes, writeHeader } from './frame-header.ts';
import { type CipherKeys, deriveKeys, keyIdOf } from './transform-key.ts';

const ivBytes = 16;

/** Makes frames of chunks and chunks of frames with one transformation key (docs/transform.md). */
export class FrameCodec {
  readonly keyId: Buffer;
  readonly #key: Uint8Array;
  readonly #derived = new Map<BlockCipher, CipherKeys>();

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    this.#key = Uint8Array.from(key);
    this.keyId = keyIdOf(key);
  }

  /**
   * Writes the frame of a chunk at the beginning of `target`, which has exactly its length and 64 bytes more. The chunk may lie
   * in the same memory; it is overwritten then. Equal chunks give equal frames.
   */
  sealInto(name: TransformCipher, chunk: Uint8Array, target: Buffer): void {
    const cipher = ciphers[name];
    const keys = this.#keysOf(cipher);
    const shorter = compress(chunk);
    const payload = shorter ?? chunk;
    const header = Buffer.alloc(frameOverhead);
    writeHeader(
      {
        cipher: cipher.number,
        zstd: shorter !== undefined,
        zeros: false,
        chunkLength: chunk.length,
        payloadLength: payload.length,
        keyId: this.keyId,
      },
      header,
    );
    const tag = tagOf(keys, header, payload);
    tag.copy(header, taggedHeaderBytes);
    const encrypted = cipher.ctr(keys.encrypt, tag.subarray(0, ivBytes), payload);
    header.copy(target);
    encrypted.copy(target, frameOverhead);
    target.fill(0, frameOverhead + encrypted.length);
    freeWhole(encrypted);
    if (shorter !== undefined) freeWhole(shorter);
  }

  /**
   * The chunk of a frame, once its tag is checked.
   * @throws AppError transformKeyMissing when another key made it, repositoryDamaged, incompatible for an unknown cipher
   */
  open(frame: Buffer): Buffer {
    const header = readHeader(frame);
    if (header === undefined || frame.length !== frameOverhead + header.chunkLength)
      throw damaged('has no valid header');
    const padding = frame.subarray(frameOverhead + header.payloadLength);
    if (padding.length > 0 && !isZero(padding)) throw damaged('is not padded with zeros');
    return header.zeros ? Buffer.alloc(header.chunkLength) : this.#open(header, frame);
  }

  #open(header: FrameHeader, frame: Buffer): Buffer {
    if (!this.keyId.equals(header.keyId)) throw otherKey(header.keyId);
    const cipher = findCipher(header.cipher);
    if (cipher === undefined) {
      throw new AppError('incompatible', `a frame names the cipher number ${header.cipher}, which this version lacks`);
    }
    const keys = this.#keysOf(cipher);
    const tag = frame.subarray(taggedHeaderBytes, frameOverhead);
    const encrypted = frame.subarray(frameOverhead, frameOverhead + header.payloadLength);
    const payload = cipher.ctr(keys.encrypt, tag.subarray(0, ivBytes), encrypted);
    if (!timingSafeEqual(tagOf(keys, frame, payload), tag)) throw damaged('fails its authentication');
    if (!header.zstd) {
      if (payload.length !== header.chunkLength) throw damaged('is shorter than its chunk');
      return payload;
    }
    const chunk = decompressed(payload, header.chunkLength);
    freeWhole(payload);
    return chunk;
  }

  #keysOf(cipher: BlockCipher): CipherKeys {
    const known = this.#derived.get(cipher);
    if (known !== undefined) return known;
    const keys = deriveKeys(this.#key, cipher);
    this.#derived.set(cipher, keys);
    return keys;
  }
}

function tagOf({ mac }: CipherKeys, header: Buffer, payload: Uint8Array): Buffer {
  return createHmac('sha256', mac).update(header.subarray(0, taggedHeaderBytes)).update(payload).digest();
}

function decompressed(payload: Buffer, length: number): Buffer {
  let chunk: Buffer;
  try {
    chunk = decompress(payload, length, length);
  } catch (error) {
    throw damaged(`cannot be decompressed: ${messageOf(error)}`);
  }
  if (chunk.length !== length) throw damaged(`has ${chunk.length} instead of ${length} bytes`);
  return chunk;
}

function isZero(bytes: Buffer): boolean {
  // Comparing with itself, one byte on, needs no second buffer.
  return bytes[0] === 0 && bytes.subarray(1).equals(bytes.subarray(0, -1));
}

function damaged(problem: string): AppError {
  return new AppError('repositoryDamaged', `a frame ${problem}`);
}

function otherKey(keyId: Uint8Array): AppError {
  return new AppError('transformKeyMissing', `the frame belongs to the key ${Buffer.from(keyId).toString('hex')}`);
}
