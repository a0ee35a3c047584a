import { opensslCipher } from './openssl-cipher.ts';

/** Rijndael as FIPS 197 has it. */
export const aes128 = opensslCipher({ name: 'aes-128', number: 2, keyBytes: 16 }, 'aes-128-ctr');
