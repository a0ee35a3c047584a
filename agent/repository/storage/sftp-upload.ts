import { posix } from 'node:path';
import type { SftpConnection } from './sftp-connection.ts';
import { hasStatus, SftpStatusError, sftpStatus } from './sftp-errors.ts';
import { closeQuietly, makeFolders } from './sftp-folders.ts';
import { writeParts } from './sftp-transfer.ts';

/** The file's own mode was asked for at opening; not every server heeds that, and some know no modes at all. */
const privateMode = 0o600;

export interface UploadEvents {
  /** So many bytes more have arrived. */
  onWritten: (bytes: number) => void;
  /** The parts are needed no more. */
  onSent: () => void;
}

/**
 * Makes a new file with the parts, as durable as the server can. Its folder is made when it is missing.
 * @param path must not exist
 */
export async function uploadFile(
  connection: SftpConnection,
  path: string,
  parts: readonly Uint8Array[],
  events: UploadEvents,
): Promise<void> {
  const handle = await openNew(connection, path);
  try {
    // Servers work on one file in order, so the mode is set before the first byte without waiting for the answer.
    const hidden = unlessStatus(connection.handleChmod(handle, privateMode));
    const written = writeParts(connection, handle, parts, events.onWritten);
    await Promise.allSettled([hidden, written]);
    await Promise.all([hidden, written]);
    events.onSent();
    await syncIfOffered(connection, handle);
  } catch (error) {
    closeQuietly(connection, handle);
    throw error;
  }
  await connection.closeHandle(handle);
}

async function openNew(connection: SftpConnection, path: string): Promise<Buffer> {
  try {
    return await connection.open(path, 'wx');
  } catch (error) {
    if (!hasStatus(error, sftpStatus.noSuchFile)) throw error;
    const folder = posix.dirname(path);
    await makeFolders(connection, folder);
    return connection.open(path, 'wx');
  }
}

/** OpenSSH says bad message where the file system knows no sync (EINVAL). */
async function syncIfOffered(connection: SftpConnection, handle: Buffer): Promise<void> {
  await connection.sync(handle).catch((error: unknown) => {
    if (!hasStatus(error, sftpStatus.unsupported) && !hasStatus(error, sftpStatus.badMessage)) throw error;
  });
}

/**
 * Gives a finished file its final name. Names are hashes of the content, so a file of this size that is there already is
 * the same file; one of another size is torn and makes place.
 */
export async function publishFile(connection: SftpConnection, from: string, to: string, sizeBytes: number) {
  try {
    await connection.replace(from, to);
    return;
  } catch (error) {
    if (!hasStatus(error, sftpStatus.unsupported)) throw error;
  }
  try {
    await connection.rename(from, to);
  } catch (error) {
    if (!(error instanceof SftpStatusError)) throw error;
    const there = await connection.stat(to).catch(() => undefined);
    if (there === undefined) throw error;
    if (there.size === sizeBytes) await connection.unlink(from);
    else {
      await connection.unlink(to);
      await connection.rename(from, to);
    }
  }
}

/** Removes the file; one that is gone is no error. */
export async function removeFile(connection: SftpConnection, path: string): Promise<void> {
  await connection.unlink(path).catch((error: unknown) => {
    if (!hasStatus(error, sftpStatus.noSuchFile)) throw error;
  });
}

/** Makes the names of a folder durable where the server can: OpenSSH opens folders and syncs them like files. */
export async function syncFolder(connection: SftpConnection, path: string): Promise<void> {
  const handle = await connection.open(path, 'r');
  try {
    await connection.sync(handle);
  } finally {
    closeQuietly(connection, handle);
  }
}

/** For what a server may refuse without harm. @returns whether it did it */
export async function unlessStatus(request: Promise<void>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (error instanceof SftpStatusError) return false;
    throw error;
  }
}
