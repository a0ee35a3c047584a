import { AppError } from '../../../shared/errors.ts';
import type { ReadReason } from '../../../shared/model/read-reason.ts';
import type { SourceDisk } from '../../disks/disk.ts';
import { openFileDisk } from '../../disks/file-disk.ts';
import { NbdDisk } from '../../disks/nbd/nbd-disk.ts';
import { readBitmaps } from '../../disks/qcow2-bitmaps.ts';
import { bitmapContext } from '../../disks/qemu-nbd.ts';
import type { DiskChanges, OpenedDisk } from '../platform.ts';
import type { SocketFolder } from '../roots.ts';
import type { NewCheckpoint } from './checkpoints/new-checkpoint.ts';
import type { DomainDisk } from './domain.ts';
import type { Opening } from './opening.ts';

/** @throws AppError diskUnsupported for what only a running QEMU can read */
export function readable(disk: DomainDisk): { path: string; format: 'raw' | 'qcow2' } {
  const { target, path, format, sourceType } = disk;
  const unsupported = (why: string) =>
    new AppError('diskUnsupported', `disk ${target} cannot be read while the virtual machine is shut off: ${why}`, {
      hint: 'Start the virtual machine: QEMU itself then serves the disk.',
    });
  if (path === undefined || (sourceType !== 'file' && sourceType !== 'block'))
    throw unsupported(`its source is of type ${sourceType}`);
  if (format !== 'raw' && format !== 'qcow2') throw unsupported(`its format is ${format}`);
  return { path, format };
}

/**
 * Opens one disk, with what changed since its base where the bitmap in the image can be trusted.
 * @throws AppError diskMissing, diskUnsupported, diskReadFailed, programMissing, cancelled
 */
export async function openColdDisk(
  opening: Opening,
  disk: DomainDisk,
  checkpoint: NewCheckpoint,
  sockets: SocketFolder,
): Promise<OpenedDisk> {
  const { request, trackable, checkpoints, scope } = opening;
  const image = readable(disk);
  const open = async (bitmap?: string) =>
    openFileDisk(
      { id: disk.target, ...image, socketPath: () => sockets.next(), mayRead: () => undefined, bitmap },
      scope,
    );
  const name = checkpoint.disks.includes(disk.target) ? checkpoint.name : null;
  const base = trackable.includes(disk.target) ? request.bases.get(disk.target) : undefined;
  if (base === undefined) return { disk: await open(), checkpoint: name, changes: undefined, lost: undefined };
  const isKnown = checkpoints.ours.some((each) => each.name === base);
  const lost = await whyUnusable(image.path, base, isKnown, scope.signal);
  if (lost !== undefined) return { disk: await open(), checkpoint: name, changes: undefined, lost };
  const tracked = await openTracked(open, base);
  if (tracked === undefined) return { disk: await open(), checkpoint: name, changes: undefined, lost: 'bitmapBroken' };
  return { ...tracked, checkpoint: name, lost: undefined };
}

/** @param isKnown true when libvirt knows the checkpoint */
async function whyUnusable(
  path: string,
  base: string,
  isKnown: boolean,
  signal: AbortSignal,
): Promise<ReadReason | undefined> {
  const bitmap = (await readBitmaps(path, signal)).find(({ name }) => name === base);
  if (bitmap === undefined) return isKnown ? 'bitmapMissing' : 'checkpointMissing';
  return bitmap.inUse ? 'bitmapBroken' : undefined;
}

/** undefined when the bitmap has become unusable since it was looked at: the VM was started. */
async function openTracked(
  open: (bitmap: string) => Promise<SourceDisk>,
  base: string,
): Promise<{ disk: SourceDisk; changes: DiskChanges } | undefined> {
  let disk: SourceDisk;
  try {
    disk = await open(base);
  } catch (error) {
    if (error instanceof AppError && /bitmap '[^']*' (is inconsistent|.*not found)/iu.test(error.message))
      return undefined;
    throw error;
  }
  const extents = disk instanceof NbdDisk ? disk.dirtyExtents(bitmapContext(base)) : undefined;
  if (extents !== undefined) return { disk, changes: { source: 'qcow2Bitmap', base, extents } };
  await disk.close();
  return undefined;
}
