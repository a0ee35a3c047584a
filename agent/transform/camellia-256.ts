import { opensslCipher } from './openssl-cipher.ts';

/** Camellia (RFC 3713). */
export const camellia256 = opensslCipher({ name: 'camellia-256', number: 5, keyBytes: 32 }, 'camellia-256-ctr');
