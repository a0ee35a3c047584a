import { posix } from 'node:path';
import type { FileEntryWithStats, Stats } from 'ssh2';
import { AppError } from '../../../shared/errors.ts';
import type { SftpConnection } from './sftp-connection.ts';
import { hasStatus, SftpStatusError, sftpStatus } from './sftp-errors.ts';

const folderMode = 0o700;
/** Parts of a listing that are asked for at once: most folders then cost two round trips, the second being the end. */
const batchesAhead = 2;

/** The size that a server gave for a file, in bytes. @throws AppError storageFailed when it is none */
export function sizeOf(path: string, stats: Stats): number {
  if (!Number.isSafeInteger(stats.size) || stats.size < 0)
    throw new AppError('storageFailed', `the server gives no possible size for ${path}`);
  return stats.size;
}

/** The entries of a folder without `.` and `..`, as they arrive; none when it does not exist. */
export async function* folderEntries(connection: SftpConnection, path: string): AsyncGenerator<FileEntryWithStats> {
  const handle = await connection.openFolder(path).catch((error: unknown) => {
    if (hasStatus(error, sftpStatus.noSuchFile)) return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    for (let isEnd = false; !isEnd; ) {
      const asked = Array.from({ length: batchesAhead }, () => connection.readFolder(handle));
      await Promise.allSettled(asked);
      const batches = await Promise.all(asked);
      isEnd = batches.includes(undefined);
      for (const entry of batches.flatMap((batch) => batch ?? []))
        if (entry.filename !== '.' && entry.filename !== '..') yield entry;
    }
  } finally {
    closeQuietly(connection, handle);
  }
}

/** Makes the folder and what is missing above it. */
export async function makeFolders(connection: SftpConnection, path: string): Promise<void> {
  try {
    await connection.makeFolder(path, folderMode);
  } catch (error) {
    if (!(error instanceof SftpStatusError)) throw error;
    // Servers disagree about what making an existing folder is.
    if (await isFolder(connection, path)) return;
    const parent = posix.dirname(path);
    if (error.status !== sftpStatus.noSuchFile || parent === path) throw error;
    await makeFolders(connection, parent);
    await connection.makeFolder(path, folderMode).catch(async (again: unknown) => {
      // Somebody else was faster.
      if (!(await isFolder(connection, path))) throw again;
    });
  }
}

async function isFolder(connection: SftpConnection, path: string): Promise<boolean> {
  try {
    return (await connection.stat(path)).isDirectory();
  } catch (error) {
    if (error instanceof SftpStatusError) return false;
    throw error;
  }
}

/** Gives back a handle of something that was only read: nothing depends on the answer. */
export function closeQuietly(connection: SftpConnection, handle: Buffer): void {
  connection.closeHandle(handle).catch(() => undefined);
}

/** All items of the sources, one source after the other, while the first items of the next ones are fetched already. */
export async function* inOrder<T>(sources: readonly (() => AsyncGenerator<T>)[], ahead: number): AsyncGenerator<T> {
  const started: { items: AsyncGenerator<T>; first: Promise<IteratorResult<T>> }[] = [];
  let next = 0;
  const start = () => {
    const items = sources[next++]?.();
    if (items === undefined) return;
    const first = items.next();
    // The failure is thrown when it is this source's turn.
    first.catch(() => undefined);
    started.push({ items, first });
  };
  try {
    while (started.length < ahead && next < sources.length) start();
    for (let source = started[0]; source !== undefined; source = started[0]) {
      for (let item = await source.first; item.done !== true; item = await source.items.next()) yield item.value;
      started.shift();
      start();
    }
  } finally {
    // Whoever stops early still gives back what the started ones hold.
    await Promise.allSettled(started.map(({ items }) => items.return(undefined)));
  }
}
