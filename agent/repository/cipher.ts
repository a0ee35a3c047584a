import { createCipheriv, createDecipheriv, createSecretKey, randomFillSync, timingSafeEqual } from 'node:crypto';
import type { Cipheriv, KeyObject } from 'node:crypto';
import sodium from 'sodium-native';
import { AppError } from '../../shared/errors.ts';
import { freeMemory } from './memory.ts';

// The published types are older than the module.
declare module 'sodium-native' {
  function crypto_onetimeauth_init(state: Buffer, key: Buffer): void;
  function crypto_onetimeauth_update(state: Buffer, input: Buffer): void;
  function crypto_onetimeauth_final(state: Buffer, output: Buffer): void;
}

/** Bytes that sealing adds: 16 of IV in front, 16 of MAC behind. */
export const sealOverhead = 32;
const ivBytes = 16;
const macBytes = 16;
/** The cipher makes a buffer for what it gives out; of a long blob it must not be a second copy. */
const pieceBytes = 1024 * 1024;

/** AES-256 key and the two halves of the Poly1305-AES key, as restic's design document names them. */
export interface KeyBytes {
  encrypt: Uint8Array;
  k: Uint8Array;
  r: Uint8Array;
}

/**
 * restic's authenticated encryption: AES-256-CTR, then Poly1305-AES over the ciphertext
 * (restic design document, "Keys, Encryption and MAC").
 */
export class SealingKey {
  /** Bare bytes would be made into such an object for every blob. */
  readonly #encrypt: KeyObject;
  readonly #r: Buffer;
  /** One ECB object serves every blob: making one per blob cost a quarter of the sealing of small blobs. */
  readonly #nonceCipher: Cipheriv;
  readonly #ivPool = Buffer.allocUnsafeSlow(ivBytes * 256);
  #ivNext = this.#ivPool.length;

  /** @throws AppError repositoryDamaged when a part has a wrong length or is all zero (restic refuses those too) */
  constructor(bytes: KeyBytes) {
    const lengths = bytes.encrypt.length === 32 && bytes.k.length === 16 && bytes.r.length === 16;
    if (!lengths || isZero(bytes.encrypt) || isZero(bytes.k) || isZero(bytes.r)) {
      throw new AppError('repositoryDamaged', 'the key of the repository is not valid');
    }
    this.#encrypt = createSecretKey(bytes.encrypt);
    this.#r = Buffer.from(bytes.r);
    this.#nonceCipher = createCipheriv('aes-128-ecb', bytes.k, null).setAutoPadding(false);
  }

  /**
   * Seals `plain` into `target` at `offset`, which must have `plain.length + sealOverhead` bytes left. `plain` may lie in
   * the same memory if it begins at least `sealOverhead` behind `offset`; it is overwritten then.
   */
  sealInto(plain: Uint8Array, target: Buffer, offset: number): number {
    const iv = this.#newIv();
    target.set(iv, offset);
    let position = offset + ivBytes;
    const cipher = createCipheriv('aes-256-ctr', this.#encrypt, iv);
    for (let start = 0; start < plain.length; start += pieceBytes) {
      const piece = cipher.update(plain.subarray(start, start + pieceBytes));
      target.set(piece, position);
      position += piece.length;
      freeMemory(piece);
    }
    this.#mac(iv, target.subarray(offset + ivBytes, position), target.subarray(position, position + macBytes));
    return position + macBytes - offset;
  }

  /** Seals into a buffer of its own. */
  seal(plain: Uint8Array): Buffer {
    const sealed = Buffer.allocUnsafeSlow(plain.length + sealOverhead);
    this.sealInto(plain, sealed, 0);
    return sealed;
  }

  /** Seals a sequence of pieces without joining them; the pieces of the result stand one after the other. */
  sealPieces(plain: Iterable<Uint8Array>): Buffer[] {
    const iv = this.#newIv();
    const cipher = createCipheriv('aes-256-ctr', this.#encrypt, iv);
    const mac = Buffer.alloc(sodium.crypto_onetimeauth_STATEBYTES);
    sodium.crypto_onetimeauth_init(mac, this.#macKey(iv));
    const sealed = [iv];
    for (const piece of plain) {
      const encrypted = cipher.update(piece);
      sodium.crypto_onetimeauth_update(mac, encrypted);
      sealed.push(encrypted);
    }
    const tag = Buffer.alloc(macBytes);
    sodium.crypto_onetimeauth_final(mac, tag);
    sealed.push(tag);
    return sealed;
  }

  /** Whether the MAC fits, without decrypting. */
  isAuthentic(sealed: Uint8Array): boolean {
    if (sealed.length < sealOverhead) return false;
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
    const end = bytes.length - macBytes;
    const macKey = this.#macKey(bytes.subarray(0, ivBytes));
    return sodium.crypto_onetimeauth_verify(bytes.subarray(end), bytes.subarray(ivBytes, end), macKey);
  }

  /** The plaintext, or undefined when the MAC does not fit: wrong key or damaged bytes. */
  open(sealed: Uint8Array): Buffer | undefined {
    if (sealed.length < sealOverhead) return undefined;
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
    const iv = bytes.subarray(0, ivBytes);
    const encrypted = bytes.subarray(ivBytes, bytes.length - macBytes);
    const mac = bytes.subarray(bytes.length - macBytes);
    if (!sodium.crypto_onetimeauth_verify(mac, encrypted, this.#macKey(iv))) return undefined;
    return createDecipheriv('aes-256-ctr', this.#encrypt, iv).update(encrypted);
  }

  /**
   * The plaintext of what {@link sealPieces} made, piece by piece.
   * @returns undefined when the MAC does not fit
   */
  openPieces(sealed: readonly Buffer[]): Iterable<Buffer> | undefined {
    const [iv, ...encrypted] = sealed;
    const tag = encrypted.pop();
    if (iv === undefined || tag === undefined) return undefined;
    const mac = Buffer.alloc(sodium.crypto_onetimeauth_STATEBYTES);
    sodium.crypto_onetimeauth_init(mac, this.#macKey(iv));
    for (const piece of encrypted) sodium.crypto_onetimeauth_update(mac, piece);
    const expected = Buffer.alloc(macBytes);
    sodium.crypto_onetimeauth_final(mac, expected);
    if (!timingSafeEqual(expected, tag)) return undefined;
    const decipher = createDecipheriv('aes-256-ctr', this.#encrypt, iv);
    return (function* decrypted() {
      for (const piece of encrypted) yield decipher.update(piece);
    })();
  }

  #mac(iv: Buffer, encrypted: Buffer, tag: Buffer): void {
    sodium.crypto_onetimeauth(tag, encrypted, this.#macKey(iv));
  }

  #macKey(iv: Buffer): Buffer {
    return Buffer.concat([this.#r, this.#nonceCipher.update(iv)]);
  }

  /** A fresh IV of its own memory; random bytes are drawn in bulk because one call per blob is dear. */
  #newIv(): Buffer {
    if (this.#ivNext >= this.#ivPool.length) {
      randomFillSync(this.#ivPool);
      this.#ivNext = 0;
    }
    const iv = Buffer.from(this.#ivPool.subarray(this.#ivNext, this.#ivNext + ivBytes));
    this.#ivNext += ivBytes;
    return iv;
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
