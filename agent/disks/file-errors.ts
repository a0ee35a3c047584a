import { AppError, messageOf } from '../../shared/errors.ts';

/** The system's name of an error, e.g. ENOENT; undefined for everything that is no system error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Turns a system error on an image that is being read into diskMissing or diskReadFailed naming the path. */
export function readError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new AppError('diskMissing', `the disk ${path} does not exist`, { cause: error });
  }
  return new AppError('diskReadFailed', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
}

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Turns a system error on a file that is being written into storageFull or storageFailed naming the path. */
export function writeError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = systemCode(error);
  if (code !== undefined && fullCodes.has(code)) {
    return new AppError('storageFull', `no space left for ${path}: ${messageOf(error)}`, { cause: error });
  }
  if (code === 'EEXIST') {
    return new AppError('storageFailed', `${path} exists already and is never overwritten`, { cause: error });
  }
  return new AppError('storageFailed', `${path} cannot be written: ${messageOf(error)}`, { cause: error });
}
