import { opensslCipher } from './openssl-cipher.ts';

/** Camellia (RFC 3713). */
export const camellia128 = opensslCipher({ name: 'camellia-128', number: 6, keyBytes: 16 }, 'camellia-128-ctr');
