import { AppError } from '../../../shared/errors.ts';
import type { BlobType } from '../blob-id.ts';
import { idBytes } from '../blob-id.ts';
import { type SealingKey, sealOverhead } from '../cipher.ts';
import type { PackedBlob } from '../index-file.ts';
import { headerEntryBytes } from '../pack-header.ts';
import { readPack } from '../blob-reader.ts';
import type { Storage } from '../storage/storage.ts';

/** A blob as the header of its pack tells it. */
export interface HeaderBlob extends PackedBlob {
  type: BlobType;
}

const lengthBytes = 4;
/** restic's limit. */
const maxHeaderBytes = 16 * 1024 * 1024;
/** Read at once from a pack's end: enough for the header of most packs. */
const firstReadBytes = 16 * 1024;

/** Length of the sealed header from the last bytes of a pack. @throws AppError repositoryDamaged */
function sealedLength(tail: Buffer, packBytes: number): number {
  const length = tail.length < lengthBytes ? 0 : tail.readUInt32LE(tail.length - lengthBytes);
  if (length < sealOverhead || length > maxHeaderBytes || length + lengthBytes > packBytes) {
    throw new AppError('repositoryDamaged', 'the header has an impossible length');
  }
  return length;
}

/** The blobs that the header of a pack names. @param pack its bytes, or as many of the last of them as needed */
export function openPackHeader(key: SealingKey, pack: Buffer, packBytes = pack.length): HeaderBlob[] {
  const length = sealedLength(pack, packBytes);
  const end = pack.length - lengthBytes;
  const header = key.open(pack.subarray(end - length, end));
  if (header === undefined) throw new AppError('repositoryDamaged', 'the header fails its authentication');
  return parseHeader(header, packBytes - length - lengthBytes);
}

/** Reads only the header. @throws AppError repositoryDamaged, storage errors */
export async function readPackHeader(
  storage: Storage,
  key: SealingKey,
  name: string,
  packBytes: number,
): Promise<HeaderBlob[]> {
  const first = Math.min(packBytes, firstReadBytes);
  let tail = await readPack(storage, name, { offset: packBytes - first, length: first });
  const needed = sealedLength(tail, packBytes) + lengthBytes;
  if (needed > tail.length) tail = await readPack(storage, name, { offset: packBytes - needed, length: needed });
  return openPackHeader(key, tail, packBytes);
}

/** @param bodyBytes what the blobs must fill without a gap */
function parseHeader(header: Buffer, bodyBytes: number): HeaderBlob[] {
  const blobs: HeaderBlob[] = [];
  let offset = 0;
  for (let at = 0; at < header.length; ) {
    const kind = header[at] as number;
    const compressed = (kind & 2) !== 0;
    const size = headerEntryBytes(compressed);
    if (kind > 3 || at + size > header.length) throw new AppError('repositoryDamaged', 'the header has a broken entry');
    const length = header.readUInt32LE(at + 1);
    if (length < sealOverhead)
      throw new AppError('repositoryDamaged', 'the header has a blob that is shorter than its sealing');
    const plainLength = compressed ? header.readUInt32LE(at + 5) : length - sealOverhead;
    const id = Buffer.from(header.subarray(at + size - idBytes, at + size));
    blobs.push({ type: (kind & 1) === 1 ? 'tree' : 'data', id, offset, length, plainLength, compressed });
    offset += length;
    at += size;
  }
  if (offset !== bodyBytes) throw new AppError('repositoryDamaged', 'the blobs do not fill the pack');
  return blobs;
}
