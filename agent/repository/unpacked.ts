import { AppError, messageOf } from '../../shared/errors.ts';
import { idOf } from './blob-id.ts';
import type { SealingKey } from './cipher.ts';
import { compressAlways, decompress } from './compression.ts';
import type { FileType, Storage } from './storage/storage.ts';

/** Marks a compressed unpacked file of format v2; v1 files are bare JSON. */
export const compressedMark = 2;
const openingBrace = 0x7b;
const openingBracket = 0x5b;
/** No index, snapshot or lock that restic writes comes near this; more is a bomb. */
const maxPlainBytes = 256 * 1024 * 1024;

/** An index shrinks to about a third. */
const usualRatio = 4;

export interface SealedFile {
  name: string;
  bytes: Buffer;
}

/** Seals an index, snapshot or lock and names it by the hash of its stored bytes. */
export function sealUnpacked(key: SealingKey, json: Uint8Array): SealedFile {
  const compressed = compressAlways(json);
  const plain = Buffer.concat([Buffer.of(compressedMark), compressed]);
  const bytes = key.seal(plain);
  return { name: idOf(bytes).toString('hex'), bytes };
}

/**
 * The JSON text of an index, snapshot or lock file, not yet parsed.
 * @param label how the file is called in messages
 * @throws AppError repositoryDamaged
 */
export function openUnpacked(key: SealingKey, sealed: Uint8Array, label: string): Buffer {
  const plain = key.open(sealed);
  if (plain === undefined) throw new AppError('repositoryDamaged', `${label} fails its authentication`);
  const first = plain[0];
  if (first === openingBrace || first === openingBracket) return plain;
  if (first !== compressedMark) throw new AppError('repositoryDamaged', `${label} has an unknown encoding`);
  try {
    return decompress(plain.subarray(1), maxPlainBytes, plain.length * usualRatio);
  } catch (error) {
    throw new AppError('repositoryDamaged', `${label} cannot be decompressed: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads, checks and opens one unpacked file. @throws AppError notFound, repositoryDamaged, storage errors */
export async function readUnpacked(storage: Storage, key: SealingKey, type: FileType, name: string): Promise<Buffer> {
  const sealed = await storage.read(type, name);
  const label = `${type} file ${name}`;
  if (idOf(sealed).toString('hex') !== name)
    throw new AppError('repositoryDamaged', `${label} does not match its name`);
  return openUnpacked(key, sealed, label);
}
