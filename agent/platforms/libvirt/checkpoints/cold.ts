import { AppError, hasCode, messageOf } from '../../../../shared/errors.ts';
import { addBitmap, isLocked } from '../../../disks/qcow2-bitmaps.ts';
import type { Opening } from '../opening.ts';
import { defineCheckpoint } from './redefine.ts';

/**
 * Makes the new checkpoint of a domain that is shut off, which libvirt itself cannot: a bitmap in each image, then the
 * metadata, so that libvirt goes on from it once the VM runs.
 * @param targets of the disks that it shall cover
 * @returns targets that it covers; none, with a warning, when it could not be made
 * @throws AppError objectBusy when the VM was started at this moment, diskMissing, programMissing, cancelled
 */
export async function makeColdCheckpoint(opening: Opening, targets: readonly string[]): Promise<readonly string[]> {
  const { chosen, checkpoints, request, scope } = opening;
  const disks = chosen.filter(({ target }) => targets.includes(target));
  if (disks.length === 0) return [];
  const { name } = request.checkpoint;
  try {
    for (const { path } of disks) await addBitmap(path ?? '', name, scope.signal);
    await defineCheckpoint(opening, { ...request.checkpoint, disks: targets, parent: checkpoints.leaf });
    return targets;
  } catch (error) {
    if (isLocked(error)) {
      throw new AppError('objectBusy', `the virtual machine was started at this moment: ${messageOf(error)}`, {
        hint: 'Run it again: a running virtual machine is read through QEMU.',
        cause: error,
      });
    }
    if (!hasCode(error, 'diskReadFailed') && !hasCode(error, 'programFailed')) throw error;
    scope.warn(`no checkpoint could be made, the next run reads everything: ${messageOf(error)}`);
    return [];
  }
}
