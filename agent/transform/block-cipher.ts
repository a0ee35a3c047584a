import type { TransformCipher } from '../../shared/model/transform.ts';

/** A block cipher in counter mode. */
export interface BlockCipher {
  readonly name: TransformCipher;
  /** Stands in the header of a frame; never changes. */
  readonly number: number;
  readonly keyBytes: number;
  /**
   * Encrypts or decrypts, which is the same, into memory of its own.
   * @param iv first counter block, 16 bytes; the whole block counts, big endian (SP 800-38A with m = 128)
   */
  ctr(key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Buffer;
}
