import { createCipheriv } from 'node:crypto';
import type { BlockCipher } from './block-cipher.ts';

/** A cipher that Node's OpenSSL has. @param mode what OpenSSL calls it */
export function opensslCipher(about: Omit<BlockCipher, 'ctr'>, mode: string): BlockCipher {
  return { ...about, ctr: (key, iv, bytes) => createCipheriv(mode, key, iv).update(bytes) };
}
