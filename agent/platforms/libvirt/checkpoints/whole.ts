import { AppError, hasCode } from '../../../../shared/errors.ts';
import { readBitmaps } from '../../../disks/qcow2-bitmaps.ts';
import type { Domain } from '../domain.ts';
import type { Virsh } from '../virsh.ts';
import { withXmlFile } from '../xml-file.ts';
import type { Checkpoint } from './checkpoint.ts';

/**
 * True when every bitmap of a checkpoint can still be used: while the VM runs libvirt checks them, else the images say it.
 * @param folder of the agent, for the document that virsh wants as a file
 */
export async function isWhole(virsh: Virsh, domain: Domain, checkpoint: Checkpoint, folder: string): Promise<boolean> {
  return domain.active ? isWholeLive(virsh, domain, checkpoint.name, folder) : isWholeCold(domain, checkpoint);
}

/** Redefining a checkpoint as it is changes nothing, but with validation QEMU is asked for its bitmaps. */
async function isWholeLive(virsh: Virsh, domain: Domain, name: string, folder: string): Promise<boolean> {
  const text = await virsh.run(['checkpoint-dumpxml', domain.uuid, name]);
  try {
    await withXmlFile(folder, text, (path) =>
      virsh.run(['checkpoint-create', domain.uuid, path, '--redefine', '--redefine-validate']),
    );
    return true;
  } catch (error) {
    if (error instanceof AppError && /bitmap/iu.test(error.message)) return false;
    throw error;
  }
}

async function isWholeCold(domain: Domain, checkpoint: Checkpoint): Promise<boolean> {
  for (const disk of domain.disks) {
    if (!checkpoint.disks.includes(disk.target) || disk.path === undefined) continue;
    try {
      const bitmap = (await readBitmaps(disk.path)).find(({ name }) => name === checkpoint.name);
      if (bitmap === undefined || bitmap.inUse) return false;
    } catch (error) {
      if (!hasCode(error, 'diskMissing')) throw error;
    }
  }
  return true;
}
