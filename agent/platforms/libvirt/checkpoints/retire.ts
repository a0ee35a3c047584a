import type { Checkpoint, CheckpointNote } from './checkpoint.ts';

/** The checkpoint that a finished backup leaves in the VM. */
export interface KeptCheckpoint extends CheckpointNote {
  readonly name: string;
  /** Targets that it covers. */
  readonly disks: readonly string[];
}

/** What can go now that `kept` is there, and which full one stays for differential runs. */
export interface Retirement {
  readonly retired: readonly Checkpoint[];
  readonly keptFull: Checkpoint | undefined;
}

/**
 * Older checkpoints of the same repository go, but for the newest full one when this one is not full, and for whatever is
 * the newest of a disk that this one does not cover. Other repositories' lineages are not ours to end.
 * @param ours newest first
 * @param targets of the disks that the VM has now
 */
export function planRetirement(
  ours: readonly Checkpoint[],
  kept: KeptCheckpoint,
  targets: readonly string[],
): Retirement {
  const older = ours.filter(({ name, note }) => name !== kept.name && note?.repositoryId === kept.repositoryId);
  const keptFull = kept.full ? undefined : older.find(({ note }) => note?.full === true);
  const stay = new Set(keptFull === undefined ? [] : [keptFull]);
  for (const target of targets) {
    const newest = kept.disks.includes(target) ? undefined : older.find(({ disks }) => disks.includes(target));
    if (newest !== undefined) stay.add(newest);
  }
  return { retired: older.filter((checkpoint) => !stay.has(checkpoint)), keptFull };
}
