import type { Opening } from '../opening.ts';
import { withXmlFile } from '../xml-file.ts';
import type { Checkpoint, CheckpointNote } from './checkpoint.ts';
import { checkpointXml } from './checkpoint.ts';

/** What is needed to make a checkpoint known to libvirt whose bitmaps are in the images already. */
interface Redefined extends CheckpointNote {
  readonly name: string;
  /** Targets of the disks that have the bitmap. */
  readonly disks: readonly string[];
  readonly parent: string | undefined;
}

/**
 * Makes libvirt know a checkpoint.
 * @param check that its bitmaps are there and whole, where libvirt can: while the VM runs
 * @throws AppError programFailed, platformUnreachable
 */
export async function defineCheckpoint(
  { virsh, domain, roots }: Pick<Opening, 'virsh' | 'domain' | 'roots'>,
  checkpoint: Redefined,
  check = true,
): Promise<void> {
  const { name, disks, parent } = checkpoint;
  const others = domain.disks.map(({ target }) => target).filter((target) => !disks.includes(target));
  const createdAt = Math.floor(Date.now() / 1000);
  const text = checkpointXml(name, checkpoint, disks, others, { createdAt, parent });
  const validate = domain.active && check ? ['--redefine-validate'] : [];
  await withXmlFile(roots.run, text, (path) =>
    virsh.run(['checkpoint-create', domain.uuid, path, '--redefine', ...validate]),
  );
}

/**
 * Makes libvirt know a checkpoint again of which only bitmaps are left. What its description said is lost: the job found
 * its point in its own repository, so it is of that one, and full is what is kept longer.
 */
export async function redefineCheckpoint(
  opening: Opening,
  name: string,
  disks: readonly string[],
): Promise<Checkpoint> {
  const note = { repositoryId: opening.request.checkpoint.repositoryId, full: true };
  await defineCheckpoint(opening, { ...note, name, disks, parent: opening.checkpoints.leaf });
  return { name, disks, note };
}
