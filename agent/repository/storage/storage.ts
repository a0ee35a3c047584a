import { AppError, hasCode } from '../../../shared/errors.ts';

/** The kinds of file a restic repository holds beside `config` (facts: restic design document, "Repository layout"). */
export const fileTypes = ['data', 'index', 'key', 'lock', 'snapshot'] as const;
export type FileType = (typeof fileTypes)[number];

/** The folder of a type of files, the same on every storage (restic design document, "Repository Layout"). */
export const folderOfType: Record<FileType, string> = {
  data: 'data',
  index: 'index',
  key: 'keys',
  lock: 'locks',
  snapshot: 'snapshots',
};

export interface StoredFile {
  /** 64 hexadecimal digits. */
  name: string;
  sizeBytes: number;
}

/** Part of a file, in bytes. */
export interface ByteRange {
  offset: number;
  length: number;
}

/**
 * Where a repository lives: a flat space of immutable files per type, plus `config`. Every implementation passes
 * test/suites/storage-suite.ts. Names that are not 64 hexadecimal digits are refused with `invalidValue` before
 * anything is touched, so a name can never leave its folder.
 *
 * Errors: `notFound`, `storageFull`, `storageDenied` and `repositoryDamaged` (a file shorter than the asked range)
 * are permanent; only `storageFailed` may pass when tried again ({@link isRetryable}).
 */
export interface Storage {
  /** The address for messages; holds no secrets. */
  readonly location: string;
  /** How many writes, or reads, are worth having in flight. */
  readonly connections: number;
  /** In how many of these writes to let it have the parts at the same time; all of them when it does not say. */
  readonly sending?: number;
  /** Whether nothing is stored here: neither a repository nor anything of others. */
  isEmpty(): Promise<boolean>;
  /** Makes the folders of a new repository. */
  prepare(): Promise<void>;
  /** The content of `config`, undefined when there is none. @throws AppError storageDenied, storageFailed */
  readConfig(): Promise<Buffer | undefined>;
  /** Writes `config` durably. */
  writeConfig(bytes: Uint8Array): Promise<void>;
  /** Every file of the type, in no order; foreign names are skipped, a missing folder is empty. */
  list(type: FileType): AsyncIterable<StoredFile>;
  /** Size in bytes. @throws AppError notFound */
  size(type: FileType, name: string): Promise<number>;
  /**
   * The whole file or exactly the range.
   * @param into memory that nobody else uses and that may be taken for the answer, from its beginning
   * @throws AppError notFound, repositoryDamaged when it is shorter
   */
  read(type: FileType, name: string, range?: ByteRange, into?: ArrayBuffer): Promise<Buffer>;
  /**
   * Stores the parts one after the other. It is durable when the promise resolves and never visible in part.
   * Names are hashes of the content, so writing an existing name again is no error.
   * @param onSent may be called once when the parts are not needed any more, which is at the latest when the promise settles
   * @throws AppError storageFull, storageDenied, storageFailed
   */
  write(type: FileType, name: string, parts: readonly Uint8Array[], onSent?: () => void): Promise<void>;
  /** Removes the file; one that is already gone is no error. */
  remove(type: FileType, name: string): Promise<void>;
  /**
   * Removes many files with less trouble than one by one, durably when the promise resolves. After a failure some of them
   * are gone. Storages that have no better way leave it out.
   */
  removeAll?(type: FileType, names: readonly string[]): Promise<void>;
  /** Ends connections; what is under way on them fails with storageFailed. */
  close?(): Promise<void>;
}

const namePattern = /^[0-9a-f]{64}$/u;

/** True for a name that a repository file can have. */
export function isFileName(name: string): boolean {
  return namePattern.test(name);
}

/** Guards every path and address that is built from a name. @throws AppError invalidValue */
export function checkFileName(name: string): void {
  if (!isFileName(name))
    throw new AppError('invalidValue', `not the name of a repository file: ${JSON.stringify(name)}`);
}

/** Whether the same call may succeed later without anybody doing something. */
export function isRetryable(error: unknown): boolean {
  return hasCode(error, 'storageFailed');
}
