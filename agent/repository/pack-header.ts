import type { BlobType } from './blob-id.ts';
import { idBytes } from './blob-id.ts';
import type { PackedBlob } from './index-file.ts';

/** Header entry: type, stored length, [plain length,] id (restic design document, "Pack Format"). */
const rawEntryBytes = 1 + 4 + idBytes;
const compressedEntryBytes = rawEntryBytes + 4;

/** Bytes that a blob adds to the header of its pack. */
export function headerEntryBytes(compressed: boolean): number {
  return compressed ? compressedEntryBytes : rawEntryBytes;
}

/** The plaintext of a pack's header. Offsets are not in it: they are the sums of the stored lengths. */
export function encodePackHeader(type: BlobType, blobs: readonly PackedBlob[]): Buffer {
  const size = blobs.reduce((sum, blob) => sum + headerEntryBytes(blob.compressed), 0);
  const header = Buffer.allocUnsafe(size);
  let at = 0;
  for (const blob of blobs) {
    at = header.writeUInt8((type === 'tree' ? 1 : 0) + (blob.compressed ? 2 : 0), at);
    at = header.writeUInt32LE(blob.length, at);
    if (blob.compressed) at = header.writeUInt32LE(blob.plainLength, at);
    at += blob.id.copy(header, at, 0, idBytes);
  }
  return header;
}
