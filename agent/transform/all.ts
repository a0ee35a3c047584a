import type { TransformCipher } from '../../shared/model/transform.ts';
import { aes128 } from './aes-128.ts';
import { aes256 } from './aes-256.ts';
import { aria128 } from './aria-128.ts';
import { aria256 } from './aria-256.ts';
import type { BlockCipher } from './block-cipher.ts';
import { camellia128 } from './camellia-128.ts';
import { camellia256 } from './camellia-256.ts';
import { kuznyechik } from './kuznyechik.ts';
import { sm4 } from './sm4.ts';

/** Every cipher by name. */
export const ciphers: Record<TransformCipher, BlockCipher> = {
  'aes-256': aes256,
  'aes-128': aes128,
  'aria-256': aria256,
  'aria-128': aria128,
  'camellia-256': camellia256,
  'camellia-128': camellia128,
  sm4,
  kuznyechik,
};

/** The cipher that a frame names; undefined when this build does not know it. */
export function findCipher(number: number): BlockCipher | undefined {
  return Object.values(ciphers).find((cipher) => cipher.number === number);
}
