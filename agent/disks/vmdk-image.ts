import { realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { readError } from './file-errors.ts';
import { formatOfHead, headBytes, readAt } from './image-format.ts';
import { assertNoParent, parseVmdkDescriptor, type VmdkExtent } from './vmdk-descriptor.ts';

/** What a VMDK file is made of. */
export interface VmdkImage {
  /** Virtual size, bytes. */
  sizeBytes: number;
  /** Real paths of the other files that hold its data. */
  extentFiles: string[];
}

const mostDescriptorBytes = 1024 * 1024;
const sectorBytes = 512;
/** Where QEMU looks for the descriptor of a sparse file, whatever the header says. */
const usualDescriptorAt = sectorBytes;
const usualDescriptorBytes = 20 * sectorBytes;

/**
 * Reads what a VMDK refers to, so that no file is read that nobody allowed. @param mayRead throws for a file outside
 * @throws AppError diskMissing, diskReadFailed, diskUnsupported
 */
export async function readVmdk(path: string, mayRead: (realPath: string) => void): Promise<VmdkImage> {
  const head = await readAt(path, 0, headBytes);
  if (formatOfHead(head) !== 'vmdk') throw wrong(path, 'it does not begin as a VMDK image');
  if (isSparse(head)) return { sizeBytes: await checkSparse(path, head), extentFiles: [] };
  const bytes = await readAt(path, 0, mostDescriptorBytes + 1);
  if (bytes.length > mostDescriptorBytes) throw wrong(path, 'its descriptor is longer than 1 MiB');
  const extents = parseVmdkDescriptor(bytes, path);
  if (extents.length === 0) throw wrong(path, 'its descriptor names no extents');
  const extentFiles: string[] = [];
  for (const extent of extents) {
    const file = await realPath(join(dirname(path), extent.fileName));
    mayRead(file);
    await checkExtent(file, extent);
    extentFiles.push(file);
  }
  return { sizeBytes: extents.reduce((total, { sizeBytes }) => total + sizeBytes, 0), extentFiles };
}

/** Virtual size by the header of a sparse file. @param head its first 512 bytes @throws AppError diskUnsupported */
export function parseSparseHeader(head: Buffer, path: string): { sizeBytes: number; descriptorAt: number } {
  if (head.length < headBytes || !isSparse(head)) throw wrong(path, 'it does not begin as a sparse VMDK');
  const sizeBytes = head.readBigUInt64LE(12) * BigInt(sectorBytes);
  const descriptorAt = head.readBigUInt64LE(28) * BigInt(sectorBytes);
  // QEMU takes a disk without size for a descriptor inside a sparse file, and opens what that names.
  if (sizeBytes === 0n) throw wrong(path, 'its header says a size of 0');
  for (const number of [sizeBytes, descriptorAt])
    if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong(path, `its header says ${number} bytes`);
  return { sizeBytes: Number(sizeBytes), descriptorAt: Number(descriptorAt) };
}

function isSparse(head: Buffer): boolean {
  return head.toString('latin1', 0, 4) === 'KDMV';
}

/** Nothing but itself may hold its data. */
async function checkSparse(path: string, head: Buffer): Promise<number> {
  const { sizeBytes, descriptorAt } = parseSparseHeader(head, path);
  const places = new Set(descriptorAt === 0 ? [usualDescriptorAt] : [usualDescriptorAt, descriptorAt]);
  for (const place of places) assertNoParent(await readAt(path, place, usualDescriptorBytes), path);
  return sizeBytes;
}

async function checkExtent(file: string, extent: VmdkExtent): Promise<void> {
  if (extent.kind === 'sparse') {
    const sizeBytes = await checkSparse(file, await readAt(file, 0, headBytes));
    if (sizeBytes !== extent.sizeBytes)
      throw wrong(file, `it holds ${sizeBytes} bytes, its descriptor says ${extent.sizeBytes}`);
    return;
  }
  const info = await stat(file);
  if (!info.isFile()) throw wrong(file, 'it is not a regular file');
  const end = extent.offset + extent.sizeBytes;
  if (info.size < end) throw wrong(file, `it ends at byte ${info.size}, its descriptor says ${end}`);
}

async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw readError(path, error);
  }
}

function wrong(path: string, detail: string): AppError {
  return new AppError('diskUnsupported', `${path} cannot be read: ${detail}`);
}
