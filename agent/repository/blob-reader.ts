import { AppError, hasCode, messageOf } from '../../shared/errors.ts';
import { openBlob } from './blob-codec.ts';
import type { BlobType } from './blob-id.ts';
import type { BlobIndex } from './blob-index.ts';
import type { BlobLocation } from './blob-table.ts';
import type { SealingKey } from './cipher.ts';
import { freeMemory } from './memory.ts';
import type { ByteRange, Storage } from './storage/storage.ts';
import type { WorkerPool } from './worker-pool.ts';

/** The parts of an open repository that a reader works with. */
export interface ReaderParts {
  storage: Storage;
  key: SealingKey;
  index: BlobIndex;
  pool: WorkerPool;
}

/** Data blobs of restic are at most 8 MiB, ours 16; more would only serve to exhaust memory. */
const maxBytes: Record<BlobType, number> = { data: 128 * 1024 * 1024, tree: 1.9 * 1024 ** 3 };

/** Where a blob lies. @throws AppError repositoryDamaged when the index does not know it or it is absurdly long */
export function locateBlob(index: BlobIndex, type: BlobType, id: Uint8Array): BlobLocation {
  const found = index.find(type, id);
  const hex = () => Buffer.from(id).toString('hex');
  if (found === undefined) throw new AppError('repositoryDamaged', `${type} blob ${hex()} is not in the index`);
  if (Math.max(found.plainLength, found.length) > maxBytes[type]) {
    throw new AppError('repositoryDamaged', `${type} blob ${hex()} is too long: ${found.plainLength} bytes`);
  }
  return found;
}

/** Content length of a data blob, bytes. @throws AppError repositoryDamaged like {@link locateBlob} */
export function lengthOfBlob(index: BlobIndex, id: Uint8Array): number {
  const length = index.plainLength('data', id);
  // Says what is wrong.
  return length < 0 || length > maxBytes.data ? locateBlob(index, 'data', id).plainLength : length;
}

/** Reads and checks one blob. @throws AppError repositoryDamaged naming pack and blob, storage errors */
export async function readBlob(parts: ReaderParts, type: BlobType, id: Uint8Array): Promise<Buffer> {
  const found = locateBlob(parts.index, type, id);
  const packName = parts.index.packName(found.pack);
  const sealed = await readPack(parts.storage, packName, found);
  try {
    const plain = openBlob(parts.key, sealed, { ...found, id });
    freeMemory(sealed);
    return plain;
  } catch (error) {
    throw inPack(packName, error);
  }
}

/** Part of a pack; a pack that is gone or too short is damage. @param into may be used for it */
export async function readPack(
  storage: Storage,
  name: string,
  { offset, length }: ByteRange,
  into?: ArrayBuffer,
): Promise<Buffer> {
  try {
    return await storage.read('data', name, { offset, length }, into);
  } catch (error) {
    if (hasCode(error, 'notFound'))
      throw new AppError('repositoryDamaged', `pack ${name} is missing`, { cause: error });
    throw hasCode(error, 'repositoryDamaged') ? inPack(name, error) : error;
  }
}

/** Names the pack in an error about a blob. */
export function inPack(name: string, error: unknown): unknown {
  if (!hasCode(error, 'repositoryDamaged')) return error;
  return new AppError('repositoryDamaged', `pack ${name}: ${messageOf(error)}`, { cause: error });
}
