import { z } from 'zod';

/**
 * Ciphers of the protective transformation (FEATURES H). The number behind the name is the key's length in bits; Kuznyechik
 * knows only 256, SM4 only 128.
 */
export const transformCiphers = [
  'aes-256',
  'aes-128',
  'aria-256',
  'aria-128',
  'camellia-256',
  'camellia-128',
  'sm4',
  'kuznyechik',
] as const;
export const transformCipherSchema = z.enum(transformCiphers);
export type TransformCipher = z.output<typeof transformCipherSchema>;

/** Names a transformation key without telling it: 16 bytes in hexadecimal digits. */
export const transformKeyIdSchema = z.string().regex(/^[0-9a-f]{32}$/u, 'not a key ID');

/** What a point was transformed with. */
export const transformSchema = z.object({ cipher: transformCipherSchema, keyId: transformKeyIdSchema });
export type Transform = z.output<typeof transformSchema>;
