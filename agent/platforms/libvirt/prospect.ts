import { AppError } from '../../../shared/errors.ts';
import { readBitmaps } from '../../disks/qcow2-bitmaps.ts';
import type { ProspectDisk } from '../platform.ts';
import { isOurName } from './checkpoints/checkpoint.ts';
import type { CheckpointList } from './checkpoints/list.ts';
import type { Domain, DomainDisk } from './domain.ts';
import { whyUntrackable } from './trackable.ts';

/** What can be told of a disk before it is opened. */
export async function prospectOf(
  disk: DomainDisk,
  domain: Domain,
  checkpoints: CheckpointList,
  readPath: 'backup' | 'snapshot',
  signal: AbortSignal,
): Promise<ProspectDisk> {
  const { target, format, path } = disk;
  const withoutChanges =
    readPath === 'snapshot'
      ? 'snapshotPath'
      : checkpoints.supported
        ? await whyUntrackable(disk, domain.active)
        : 'platformWithoutChanges';
  return {
    id: target,
    format,
    sourcePath: path ?? '',
    checkpoints: withoutChanges === null ? await namesOf(disk, checkpoints, signal) : [],
    withoutChanges,
  };
}

/** Checkpoints that libvirt knows; else, when the VM was defined anew, what is left of them in the image. */
async function namesOf(disk: DomainDisk, checkpoints: CheckpointList, signal: AbortSignal): Promise<string[]> {
  const known = checkpoints.ours.filter(({ disks }) => disks.includes(disk.target)).map(({ name }) => name);
  if (known.length > 0 || disk.path === undefined) return known;
  try {
    const names = (await readBitmaps(disk.path, signal)).map(({ name }) => name);
    return names.filter(isOurName).toReversed();
  } catch (error) {
    // Whoever opens the file will say what is wrong with it.
    if (error instanceof AppError && error.code !== 'cancelled') return [];
    throw error;
  }
}
