import { AppError } from '../../shared/errors.ts';
import { formatOfHead, headBytes, readAt } from './image-format.ts';

// Numbers of MS-VHDX; a GUID stands in the file with its first three parts turned round.
const regionTableOffset = 192 * 1024;
const regionTableBytes = 64 * 1024;
const mostMetadataBytes = 1024 * 1024;
const metadataRegion = '06a27c8b90479a4bb8fe575f050f886e';
const sizeItem = '2442a52f1bcd7648b2115dbed83bf4b8';
const parametersItem = '3767a1ca36fa434db3b633f0aa44e76b';
const hasParentBit = 2;

/** Virtual size of a VHDX file, bytes. @throws AppError diskMissing, diskReadFailed, diskUnsupported */
export async function readVhdxSize(path: string): Promise<number> {
  if (formatOfHead(await readAt(path, 0, headBytes)) !== 'vhdx') throw wrong(path, 'it does not begin as a VHDX image');
  const { offset, length } = findMetadata(await readAt(path, regionTableOffset, regionTableBytes), path);
  return parseVhdxSize(await readAt(path, offset, Math.min(length, mostMetadataBytes)), path);
}

/** Where the metadata lie, bytes. @param table the region table @throws AppError diskUnsupported */
export function findMetadata(table: Buffer, path: string): { offset: number; length: number } {
  if (table.length < regionTableBytes || table.toString('latin1', 0, 4) !== 'regi')
    throw wrong(path, 'its region table is missing');
  const entry = findEntry(table, { begin: 16, count: table.readUInt32LE(8), guid: metadataRegion });
  if (entry === undefined) throw wrong(path, 'it has no metadata');
  const offset = entry.readBigUInt64LE(16);
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong(path, `metadata at byte ${offset}`);
  return { offset: Number(offset), length: entry.readUInt32LE(24) };
}

/** @param metadata the metadata region, at most 1 MiB of it @throws AppError diskUnsupported */
export function parseVhdxSize(metadata: Buffer, path: string): number {
  if (metadata.length < 64 || metadata.toString('latin1', 0, 8) !== 'metadata')
    throw wrong(path, 'its metadata cannot be understood');
  const count = metadata.readUInt16LE(10);
  const item = (guid: string): Buffer => {
    const entry = findEntry(metadata, { begin: 32, count, guid });
    const at = entry?.readUInt32LE(16) ?? metadata.length;
    if (at + 8 > metadata.length) throw wrong(path, 'its metadata are incomplete');
    return metadata.subarray(at, at + 8);
  };
  if ((item(parametersItem).readUInt32LE(4) & hasParentBit) !== 0)
    throw wrong(path, 'it is a difference to another VHDX image', 'Merge it with its parent first: Merge-VHD');
  const size = item(sizeItem).readBigUInt64LE(0);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong(path, `a size of ${size} bytes`);
  return Number(size);
}

/** An entry of 32 bytes that begins with a GUID; those that do not fit into the table are not looked at. */
function findEntry(
  table: Buffer,
  { begin, count, guid }: { begin: number; count: number; guid: string },
): Buffer | undefined {
  const last = Math.min(count, Math.floor((table.length - begin) / 32));
  for (let index = 0; index < last; index++) {
    const at = begin + index * 32;
    if (table.toString('hex', at, at + 16) === guid) return table.subarray(at, at + 32);
  }
  return undefined;
}

function wrong(path: string, detail: string, hint?: string): AppError {
  return new AppError('diskUnsupported', `${path} cannot be read: ${detail}`, hint === undefined ? {} : { hint });
}
