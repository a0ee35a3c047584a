import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError, hasCode } from '../../../../shared/errors.ts';
import { isLocked, readBitmaps, removeBitmap } from '../../../disks/qcow2-bitmaps.ts';
import type { Domain, DomainDisk } from '../domain.ts';
import { parseDomain } from '../domain.ts';
import { Virsh } from '../virsh.ts';
import { withXmlFile } from '../xml-file.ts';
import { isOurName, withoutDisk } from './checkpoint.ts';

/** How the journal names a checkpoint that a running job makes. */
export const madeCheckpointSchema = z.object({
  uri: z.string(),
  domain: z.guid(),
  name: z.string().refine(isOurName, 'is not the name of a checkpoint of ours'),
});
export type MadeCheckpoint = z.output<typeof madeCheckpointSchema>;

/** How often it is tried again when the VM was started or shut off meanwhile. */
const maxTries = 5;
const pauseMs = 500;

/**
 * Removes a checkpoint with its bitmaps, whatever state the VM is in; nothing happens when it is gone already.
 * @param folder of the agent, for the document that virsh wants as a file
 * @throws AppError platformUnreachable, objectBusy, programFailed, diskReadFailed
 */
export async function removeCheckpoint(made: MadeCheckpoint, folder: string): Promise<void> {
  const virsh = new Virsh(made.uri);
  for (let tries = 1; ; tries++) {
    const domain = await readDomain(virsh, made.domain);
    if (domain === undefined) return;
    try {
      await (domain.active ? removeLive(virsh, domain, made.name, folder) : removeCold(virsh, domain, made.name));
      return;
    } catch (error) {
      if (tries === maxTries || !changedMeanwhile(error)) throw error;
      await sleep(pauseMs);
    }
  }
}

async function readDomain(virsh: Virsh, uuid: string): Promise<Domain | undefined> {
  try {
    return parseDomain(await virsh.run(['dumpxml', uuid]));
  } catch (error) {
    if (hasCode(error, 'objectVanished')) return undefined;
    throw error;
  }
}

function changedMeanwhile(error: unknown): boolean {
  return (
    isLocked(error) || (error instanceof AppError && /inactive domain|domain is not running/iu.test(error.message))
  );
}

function isUnknown(error: unknown): boolean {
  return error instanceof AppError && /no domain checkpoint with matching name/iu.test(error.message);
}

/** QEMU removes the bitmaps, broken ones too. One that is missing would keep libvirt from removing the others. */
async function removeLive(virsh: Virsh, domain: Domain, name: string, folder: string): Promise<void> {
  for (let tries = 0; tries <= domain.disks.length; tries++) {
    try {
      await virsh.run(['checkpoint-delete', domain.uuid, name]);
      return;
    } catch (error) {
      if (isUnknown(error)) return;
      const disk = error instanceof AppError ? missingOn(error.message) : undefined;
      if (disk === undefined) throw error;
      await leaveOut(virsh, domain, name, disk, folder);
    }
  }
  await removeMetadata(virsh, domain, name);
}

function missingOn(text: string): string | undefined {
  return /bitmap '[^']+' not found in backing chain of '([^']+)'/iu.exec(text)?.[1];
}

async function leaveOut(virsh: Virsh, domain: Domain, name: string, target: string, folder: string): Promise<void> {
  const text = await virsh.run(['checkpoint-dumpxml', domain.uuid, name, '--no-domain']);
  await withXmlFile(folder, withoutDisk(text, target), (path) =>
    virsh.run(['checkpoint-create', domain.uuid, path, '--redefine']),
  );
}

/** Bitmaps first: as long as libvirt knows the checkpoint it can be tried again. */
async function removeCold(virsh: Virsh, domain: Domain, name: string): Promise<void> {
  for (const disk of domain.disks) {
    if (await holds(disk, name)) await removeBitmap(disk.path ?? '', name);
  }
  await removeMetadata(virsh, domain, name);
}

/** True when the image of a disk has the bitmap. An image that is gone has none. */
async function holds(disk: DomainDisk, name: string): Promise<boolean> {
  if (disk.path === undefined || disk.format !== 'qcow2') return false;
  try {
    return (await readBitmaps(disk.path)).some((bitmap) => bitmap.name === name);
  } catch (error) {
    if (hasCode(error, 'diskMissing')) return false;
    throw error;
  }
}

async function removeMetadata(virsh: Virsh, domain: Domain, name: string): Promise<void> {
  try {
    await virsh.run(['checkpoint-delete', domain.uuid, name, '--metadata']);
  } catch (error) {
    if (!isUnknown(error)) throw error;
  }
}
