import { opensslCipher } from './openssl-cipher.ts';

/** Rijndael as FIPS 197 has it. */
export const aes256 = opensslCipher({ name: 'aes-256', number: 1, keyBytes: 32 }, 'aes-256-ctr');
