import { opensslCipher } from './openssl-cipher.ts';

/** ARIA (RFC 5794, KS X 1213). */
export const aria256 = opensslCipher({ name: 'aria-256', number: 3, keyBytes: 32 }, 'aria-256-ctr');
