import { opensslCipher } from './openssl-cipher.ts';

/** ARIA (RFC 5794, KS X 1213). */
export const aria128 = opensslCipher({ name: 'aria-128', number: 4, keyBytes: 16 }, 'aria-128-ctr');
