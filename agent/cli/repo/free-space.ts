import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import { bytes } from '../../../shared/node/print.ts';
import { systemCode } from '../../disks/file-errors.ts';

/** Better told now than after an hour. @throws AppError storageFull when a folder has not that many bytes left */
export async function assertRoom(path: string, needed: number): Promise<void> {
  const free = await freeBytes(path);
  if (free >= needed) return;
  throw new AppError('storageFull', `${path} has ${bytes(free)} free, and ${bytes(needed)} will be written`, {
    field: '--to',
    hint: 'Choose another folder, or restore single disks with --disk.',
  });
}

/** Of the nearest folder above that is there. */
async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return freeBytes(dirname(path));
  }
}
