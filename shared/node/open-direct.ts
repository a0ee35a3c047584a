import { constants } from 'node:fs';
import { type FileHandle, open, statfs } from 'node:fs/promises';

/** ext4, xfs, btrfs (statfs(2)): local, with sound direct I/O. Elsewhere the page cache does better. */
const directFileSystems: readonly number[] = [0xef53, 0x58465342, 0x9123683e];

/**
 * The same file once more, for I/O around the page cache (open(2): O_DIRECT). Only on Linux.
 * @param access O_RDONLY or O_WRONLY
 * @returns undefined where the file system has no use for it
 * @throws system errors
 */
export async function openDirect(file: FileHandle, access: number): Promise<FileHandle | undefined> {
  if (process.platform !== 'linux') return undefined;
  // By its descriptor: another file may stand under the path by now.
  const path = `/proc/self/fd/${file.fd}`;
  if (!directFileSystems.includes((await statfs(path)).type)) return undefined;
  try {
    return await open(path, access | constants.O_DIRECT);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return undefined;
    throw error;
  }
}
