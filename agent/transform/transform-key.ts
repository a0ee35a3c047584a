import { createHash, hkdfSync } from 'node:crypto';
import { keyIdBytes } from './frame-header.ts';
import type { BlockCipher } from './block-cipher.ts';

/** Bytes of a transformation key. */
export const transformKeyBytes = 32;
const macKeyBytes = 32;

/** Names a key: the first half of the SHA-256 over a line of its own and the key. */
export function keyIdOf(key: Uint8Array): Buffer {
  return createHash('sha256').update('holdfast-transform-key\n').update(key).digest().subarray(0, keyIdBytes);
}

export interface CipherKeys {
  encrypt: Uint8Array;
  mac: Uint8Array;
}

/** The two keys that a cipher works with (HKDF-SHA-256 without salt, RFC 5869). */
export function deriveKeys(key: Uint8Array, { name, keyBytes }: BlockCipher): CipherKeys {
  const derive = (use: 'enc' | 'mac', length: number) =>
    new Uint8Array(hkdfSync('sha256', key, '', `holdfast-transform-1 ${name} ${use}`, length));
  return { encrypt: derive('enc', keyBytes), mac: derive('mac', macKeyBytes) };
}
