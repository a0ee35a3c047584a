import { AppError } from '../../shared/errors.ts';
import { formatOfHead, headBytes, readAt } from './image-format.ts';

const dynamicType = 1;
const staticType = 2;

/** Virtual size of a VDI file, bytes. @throws AppError diskMissing, diskReadFailed, diskUnsupported */
export async function readVdiSize(path: string): Promise<number> {
  return parseVdiSize(await readAt(path, 0, headBytes), path);
}

/**
 * Layout: VDIHEADER1 of VirtualBox, which QEMU reads too.
 * @param head the first 512 bytes
 * @throws AppError diskUnsupported when it is no VDI, or one that needs another file
 */
export function parseVdiSize(head: Buffer, path: string): number {
  const wrong = (detail: string, hint?: string) =>
    new AppError('diskUnsupported', `${path} cannot be read: ${detail}`, hint === undefined ? {} : { hint });
  if (head.length < headBytes || formatOfHead(head) !== 'vdi') throw wrong('it does not begin as a VDI image');
  const type = head.readUInt32LE(76);
  if (type !== dynamicType && type !== staticType)
    throw wrong(
      `it is a difference to another VDI image (type ${type})`,
      'Merge it with its parent first: VBoxManage clonemedium',
    );
  const size = head.readBigUInt64LE(368);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong(`a size of ${size} bytes`);
  return Number(size);
}
