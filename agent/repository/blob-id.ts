import { hash } from 'node:crypto';
import { zeroFrame } from '../transform/zero-frame.ts';
import type { ContentForm } from './content-form.ts';

/** Bytes of a SHA-256, which names every blob and file of a repository. */
export const idBytes = 32;
export const blobTypes = ['data', 'tree'] as const;
export type BlobType = (typeof blobTypes)[number];

/** The SHA-256 of the bytes. */
export function idOf(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** The longest chunk of zeros that the writer uses; also the longest that is recognised as zero by its id alone. */
export const longestZeroBlob = 16 * 1024 * 1024;
const zeroIds: Record<ContentForm, Map<number, Buffer>> = { raw: new Map(), frames: new Map() };
const zeroIdLimit = 4096;

/** The blob that stands for `length` zero bytes. */
export function zeroBlob(length: number, form: ContentForm): Buffer {
  return form === 'raw' ? Buffer.alloc(length) : zeroFrame(length);
}

/**
 * The id of the blob that stands for `length` zero bytes, computed once per length.
 * @param length at most {@link longestZeroBlob} bytes
 */
export function zeroBlobId(length: number, form: ContentForm = 'raw'): Buffer {
  const ids = zeroIds[form];
  const known = ids.get(length);
  if (known !== undefined) return known;
  if (length > longestZeroBlob) throw new RangeError(`no zero blob has ${length} bytes`);
  const id = idOf(zeroBlob(length, form));
  // A hostile list could bring any number of lengths; the writer itself needs a handful.
  if (ids.size >= zeroIdLimit) ids.clear();
  ids.set(length, id);
  return id;
}

/**
 * Whether a list entry is a chunk of zeros. Only lengths that this writer or restic's chunker can give to one are compared
 * (multiples of 64 KiB, or the last entry of a file), so that a list of a million odd lengths costs no hashing.
 */
export function isZeroBlob(id: Uint8Array, length: number, last: boolean, form: ContentForm = 'raw'): boolean {
  if (length === 0 || length > longestZeroBlob || (length % 65_536 !== 0 && !last)) return false;
  const zeroId = zeroBlobId(length, form);
  return zeroId[0] === id[0] && zeroId.equals(id);
}
