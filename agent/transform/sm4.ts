import { opensslCipher } from './openssl-cipher.ts';

/** SM4 (GB/T 32907). */
export const sm4 = opensslCipher({ name: 'sm4', number: 7, keyBytes: 16 }, 'sm4-ctr');
