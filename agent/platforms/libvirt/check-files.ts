import { access } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';
import { systemCode } from '../../disks/file-errors.ts';
import type { DomainDisk } from './domain.ts';

/** A missing image is named, whatever QEMU still holds open. @throws AppError diskMissing */
export async function checkFiles(disks: readonly DomainDisk[]): Promise<void> {
  for (const { target, path } of disks) {
    if (path === undefined) continue;
    try {
      await access(path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT')
        throw new AppError('diskMissing', `the file ${path} of disk ${target} does not exist`, { cause: error });
      if (systemCode(error) === undefined) throw error;
      // Not ours to look at; QEMU can.
    }
  }
}
