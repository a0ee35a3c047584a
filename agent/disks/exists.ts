import { lstat } from 'node:fs/promises';
import { systemCode } from './file-errors.ts';

/** True when something has that path, a dangling symbolic link too. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}
