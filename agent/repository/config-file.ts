import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { SealingKey } from './cipher.ts';
import { goJson, hexId, parseJson } from './json.ts';
import { randomPolynomial } from './polynomial.ts';

/** The format that this program reads and writes. */
const formatVersion = 2;
const configSchema = z.object({ version: z.int(), id: hexId });

/** The sealed `config` of a new repository; it is the only file that is never compressed. */
export function newConfig(key: SealingKey): { id: string; bytes: Buffer } {
  const id = randomBytes(32).toString('hex');
  const json = goJson({ version: formatVersion, id, chunker_polynomial: randomPolynomial() });
  return { id, bytes: key.seal(json) };
}

/** The repository's id out of its `config`. @throws AppError repositoryDamaged, incompatible for other format versions */
export function openConfig(key: SealingKey, sealed: Uint8Array): string {
  const json = key.open(sealed);
  if (json === undefined) throw new AppError('repositoryDamaged', 'config fails its authentication');
  const config = parseJson(configSchema, json, 'config');
  if (config.version !== formatVersion) {
    throw new AppError('incompatible', `the repository has format version ${config.version}, only 2 is supported`, {
      hint: 'Upgrade it with: restic migrate upgrade_repo_v2',
    });
  }
  return config.id;
}
