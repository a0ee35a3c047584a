import { lstat, rm } from 'node:fs/promises';
import { z } from 'zod';
import { systemCode } from '../disks/file-errors.ts';
import { openNew } from '../disks/target-file.ts';
import type { JobScope, Resource } from './platform.ts';

/**
 * How the journal names a file of ours: by inode as well, since a file of that name may be another's by the time it is
 * to be removed. Without inode only an empty file is ours for sure.
 */
export const madeFileSchema = z.object({ path: z.string().startsWith('/'), inode: z.string().optional() });

/**
 * Makes an empty file (0600) that was not there before and journals it.
 * @returns the entry in the journal, for {@link removeMadeFile}
 * @throws AppError storageFull, storageFailed
 */
export async function makeFile(path: string, scope: JobScope): Promise<Resource> {
  const intent: Resource = { kind: 'file', name: JSON.stringify({ path }) };
  await scope.acquired(intent);
  const file = await openNew(path, 0o600);
  let made: Resource;
  try {
    made = { kind: 'file', name: JSON.stringify({ path, inode: inodeText(await file.stat({ bigint: true })) }) };
  } finally {
    await file.close();
  }
  await scope.acquired(made);
  await scope.released(intent);
  return made;
}

/**
 * Removes a file that the journal names, when it is still the same.
 * @param name of the journal entry
 * @returns false when a file of that name is there but is not ours
 */
export async function removeMadeFile(name: string): Promise<boolean> {
  const { path, inode } = madeFileSchema.parse(JSON.parse(name));
  try {
    const info = await lstat(path, { bigint: true });
    const ours = inode === undefined ? info.isFile() && info.size === 0n : inode === inodeText(info);
    if (!ours) return false;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true;
    throw error;
  }
  await rm(path, { force: true });
  return true;
}

function inodeText({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`;
}
