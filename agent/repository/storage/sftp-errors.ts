import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';

/** Status codes of SFTP version 3 that decide something here. */
export const sftpStatus = { endOfFile: 1, noSuchFile: 2, permissionDenied: 3, badMessage: 5, unsupported: 8 } as const;

/** What a server answered instead of doing what it was asked. */
export class SftpStatusError extends Error {
  override readonly name = 'SftpStatusError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof SftpStatusError && error.status === status;
}

const fileSystemSchema = z.object({
  f_frsize: z.number().nonnegative(),
  f_bavail: z.number().nonnegative(),
  f_files: z.number().nonnegative(),
  f_favail: z.number().nonnegative(),
  f_flag: z.number().nonnegative(),
});

/** The file system behind a path, as statvfs@openssh.com describes it. */
export interface SftpFileSystem {
  freeBytes: number;
  isOutOfFiles: boolean;
  isReadOnly: boolean;
}

/** Some file systems count no files at all: zero of zero is not full. */
export function parseFileSystem(answer: unknown): SftpFileSystem | undefined {
  const { success, data } = fileSystemSchema.safeParse(answer);
  if (!success) return undefined;
  return {
    freeBytes: data.f_frsize * data.f_bavail,
    isOutOfFiles: data.f_files > 0 && data.f_favail === 0,
    isReadOnly: data.f_flag % 2 === 1,
  };
}

/**
 * Turns whatever a request failed with into what callers know.
 * @param path shown in the message, with the server's address
 */
export function storageError(path: string, error: unknown): Error {
  if (!(error instanceof SftpStatusError)) {
    return error instanceof Error ? error : new AppError('storageFailed', `${path}: ${String(error)}`);
  }
  if (error.status === sftpStatus.noSuchFile)
    return new AppError('notFound', `${path} does not exist`, { cause: error });
  if (error.status === sftpStatus.permissionDenied) {
    return new AppError('storageDenied', `the server denies access to ${path}`, {
      cause: error,
      hint: 'Give the user of the pool the right to read and write this folder on the server.',
    });
  }
  return new AppError('storageFailed', `${path}: the server answered: ${error.message}`, { cause: error });
}

/**
 * SFTP has one answer for a full disk, a read-only one and everything else; only the file system tells them apart.
 * @param missingBytes how much was still to be written
 */
export function writeError(
  path: string,
  error: unknown,
  fileSystem: SftpFileSystem | undefined,
  missingBytes: number,
): Error {
  if (fileSystem !== undefined && error instanceof SftpStatusError) {
    if (fileSystem.isReadOnly) {
      return new AppError('storageDenied', `${path} is on a read-only file system`, {
        cause: error,
        hint: 'Mount the file system writable on the server.',
      });
    }
    if (fileSystem.isOutOfFiles || fileSystem.freeBytes < missingBytes) {
      return new AppError('storageFull', `no space left to write ${path}`, {
        cause: error,
        hint: `The file system has ${fileSystem.freeBytes} bytes free${fileSystem.isOutOfFiles ? ' and no inodes' : ''}.`,
      });
    }
  }
  // A folder that somebody removes while we write into it: the next try makes it again.
  if (hasStatus(error, sftpStatus.noSuchFile))
    return new AppError('storageFailed', `${path}: its folder does not exist`, { cause: error });
  return storageError(path, error);
}
