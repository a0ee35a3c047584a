import { formatXml, makeElement } from '../xml.ts';
import type { XmlElement } from '../xml.ts';
import { attribute, childrenOf, find, parseXml, textOf } from '../xml.ts';

/** A checkpoint that a backup of ours left in a domain. */
export interface Checkpoint {
  readonly name: string;
  /** Targets of the disks that have a bitmap of that name. */
  readonly disks: readonly string[];
  /** What its description says; undefined = not written by us, or not to be understood. */
  readonly note: CheckpointNote | undefined;
}

export interface CheckpointNote {
  /** restic's ID of the repository whose point it belongs to. */
  readonly repositoryId: string;
  readonly full: boolean;
}

const namePattern = /^holdfast-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

/** Only such names are ours; the UUID is the backup's. */
export function isOurName(name: string): boolean {
  return namePattern.test(name);
}

/** The note as libvirt keeps it, in the description. */
export function formatNote({ repositoryId, full }: CheckpointNote): string {
  return `Holdfast 1 repository=${repositoryId} type=${full ? 'full' : 'changes'}`;
}

/** @returns undefined when we did not write it */
export function parseNote(description: string): CheckpointNote | undefined {
  const match = /^Holdfast 1 repository=([^\s=]{1,128}) type=(full|changes)(?:\s|$)/u.exec(description.trim());
  return match?.[1] === undefined ? undefined : { repositoryId: match[1], full: match[2] === 'full' };
}

/** The parts of a checkpoint's document that only a redefinition gives. */
export interface Redefinition {
  /** Whole seconds since 1970. */
  readonly createdAt: number;
  /** undefined = it becomes a root of the tree. */
  readonly parent: string | undefined;
}

/**
 * The document for backup-begin and checkpoint-create (https://libvirt.org/formatcheckpoint.html).
 * @param tracked targets that get a bitmap
 * @param others all other disks of the domain: what is not named would be taken as well
 */
export function checkpointXml(
  name: string,
  note: CheckpointNote,
  tracked: readonly string[],
  others: readonly string[],
  redefinition?: Redefinition,
): string {
  const disks = [
    ...tracked.map((target) => makeElement('disk', { name: target, checkpoint: 'bitmap' })),
    ...others.map((target) => makeElement('disk', { name: target, checkpoint: 'no' })),
  ];
  const parts: XmlElement[] = [makeElement('name', {}, [name]), makeElement('description', {}, [formatNote(note)])];
  if (redefinition?.parent !== undefined)
    parts.push(makeElement('parent', {}, [makeElement('name', {}, [redefinition.parent])]));
  if (redefinition !== undefined) parts.push(makeElement('creationTime', {}, [String(redefinition.createdAt)]));
  return formatXml(makeElement('domaincheckpoint', {}, [...parts, makeElement('disks', {}, disks)]));
}

/** Reads one document of checkpoint-dumpxml. @throws AppError exportFailed */
export function parseCheckpoint(text: string): Checkpoint {
  const root = parseXml(text, 'the checkpoint XML');
  const disks = childrenOf(find(root, 'disks'), 'disk');
  return {
    name: textOf(find(root, 'name')),
    disks: disks
      .filter((disk) => attribute(disk, 'checkpoint') === 'bitmap')
      .map((disk) => attribute(disk, 'name') ?? ''),
    note: parseNote(textOf(find(root, 'description'))),
  };
}

/**
 * The document with one disk left out, for a redefinition: a checkpoint can only be deleted as long as every one of its
 * bitmaps is there.
 * @throws AppError exportFailed
 */
export function withoutDisk(text: string, target: string): string {
  const root = parseXml(text, 'the checkpoint XML');
  for (const disk of childrenOf(find(root, 'disks'), 'disk')) {
    if (attribute(disk, 'name') !== target) continue;
    disk.attributes.set('checkpoint', 'no');
    disk.attributes.delete('bitmap');
  }
  return formatXml(root);
}
