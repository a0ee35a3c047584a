import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Space of the file system that a (possibly absent) folder lies on; bytes, null when it cannot be asked. */
export async function capacityOf(path: string): Promise<{ freeBytes: number | null; totalBytes: number | null }> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && path !== '/') return capacityOf(dirname(path));
    return { freeBytes: null, totalBytes: null };
  }
}
