import { AppError, hasCode, messageOf } from '../../shared/errors.ts';
import type { FrameCodec } from '../transform/frame-codec.ts';
import { idOf } from './blob-id.ts';
import type { SealingKey } from './cipher.ts';
import { compress, decompress } from './compression.ts';
import { freeMemory, freeWhole } from './memory.ts';

/** What has to be known to open a stored blob. */
export interface StoredBlob {
  id: Uint8Array;
  plainLength: number;
  compressed: boolean;
}

/**
 * Opens a stored blob and checks MAC, length and SHA-256. Nothing else binds a blob to its name, so no content leaves the
 * repository without this.
 * @throws AppError repositoryDamaged naming the blob
 */
export function openBlob(key: SealingKey, sealed: Uint8Array, blob: StoredBlob): Buffer {
  const payload = key.open(sealed);
  if (payload === undefined) throw damaged(blob, 'fails its authentication');
  const plain = blob.compressed ? decompressBlob(payload, blob) : payload;
  if (blob.compressed) freeMemory(payload);
  if (plain.length !== blob.plainLength)
    throw damaged(blob, `has ${plain.length} instead of ${blob.plainLength} bytes`);
  if (!idOf(plain).equals(blob.id)) throw damaged(blob, 'does not match its SHA-256');
  return plain;
}

/**
 * The chunk of a blob that holds a frame; the frame's memory is given back.
 * @throws AppError repositoryDamaged naming the blob, transformKeyMissing, incompatible
 */
export function openFramed(codec: FrameCodec, frame: Buffer, id: Uint8Array): Buffer {
  try {
    const chunk = codec.open(frame);
    freeMemory(frame);
    return chunk;
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged')) throw error;
    throw new AppError('repositoryDamaged', `blob ${Buffer.from(id).toString('hex')}: ${messageOf(error)}`);
  }
}

function decompressBlob(payload: Buffer, blob: StoredBlob): Buffer {
  try {
    return decompress(payload, blob.plainLength, blob.plainLength);
  } catch (error) {
    throw damaged(blob, `cannot be decompressed: ${messageOf(error)}`);
  }
}

function damaged(blob: StoredBlob, problem: string): AppError {
  return new AppError('repositoryDamaged', `blob ${Buffer.from(blob.id).toString('hex')} ${problem}`);
}

export interface SealedCell {
  bytes: Buffer;
  plainLength: number;
  compressed: boolean;
}

/** Compresses when that helps, and seals. */
export function sealBlob(key: SealingKey, plain: Uint8Array): SealedCell {
  const compressed = compress(plain);
  return { bytes: key.seal(compressed ?? plain), plainLength: plain.length, compressed: compressed !== undefined };
}

/**
 * Verify before upload: a memory fault between hashing and storing would otherwise be found at the restore.
 * @throws AppError repositoryDamaged
 */
export function verifySealed(key: SealingKey, sealed: Uint8Array, blob: StoredBlob): void {
  try {
    freeWhole(openBlob(key, sealed, blob));
  } catch (error) {
    throw notSurvived(messageOf(error), error);
  }
}

/** What verify before upload says when it finds something. */
export function notSurvived(problem: string, cause?: unknown): AppError {
  return new AppError('repositoryDamaged', `a blob did not survive being written: ${problem}`, {
    hint: 'Nothing wrong was stored. Test the memory of this machine.',
    cause,
  });
}
