import type { ReadReason } from '../../../shared/model/read-reason.ts';
import { AppError } from '../../../shared/errors.ts';
import { systemCode } from '../../disks/file-errors.ts';
import type { Qcow2Header } from '../../disks/qcow2-header.ts';
import { readQcow2Header } from '../../disks/qcow2-header.ts';
import type { DomainDisk } from './domain.ts';

/**
 * Why changes of a disk cannot be tracked; null = they can.
 * @param active a running QEMU keeps bitmaps through chains of images as well, files alone say nothing of who wrote below
 */
export async function whyUntrackable(disk: DomainDisk, active: boolean): Promise<ReadReason | null> {
  // QEMU can put no bitmap into an image that it does not write.
  if (disk.fixed) return 'platformWithoutChanges';
  if (disk.format !== 'qcow2') return 'formatWithoutBitmap';
  const header = disk.path === undefined ? undefined : await headerOf(disk.path);
  if (header === undefined) return null;
  if (header.version < 3) return 'formatWithoutBitmap';
  return !active && header.backingFile !== undefined ? 'backingChain' : null;
}

/** undefined when the file is not there or not ours to read: whoever opens it will say so. */
async function headerOf(path: string): Promise<Qcow2Header | undefined> {
  try {
    return await readQcow2Header(path);
  } catch (error) {
    if (error instanceof AppError || systemCode(error) !== undefined) return undefined;
    throw error;
  }
}
