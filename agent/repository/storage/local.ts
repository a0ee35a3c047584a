import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { syncFolder } from '../../../shared/node/atomic-file.ts';
import { DirectFile } from '../../../shared/node/direct-file.ts';
import { readLocalFile } from './local-read.ts';
import {
  type ByteRange,
  checkFileName,
  type FileType,
  folderOfType,
  fileTypes,
  isFileName,
  type Storage,
  type StoredFile,
} from './storage.ts';

const fileMode = 0o600;
const storedMode = 0o400;
const folderMode = 0o700;
/** Asked for at the same time: one by one, a listing of thousands mostly waits. */
const foldersTogether = 16;
const requestsTogether = 64;
const temporaryPattern = /^(?:[0-9a-f]{64}|config)-tmp-[0-9a-f]{16}$/u;

/** A repository in a folder of this machine or of a mounted file system, laid out as restic's local backend does. */
export class LocalStorage implements Storage {
  readonly location: string;
  readonly connections = 2;
  /** What takes long is the sync, and that needs no memory of ours. */
  readonly sending = 1;
  /** Folders known to exist, so that most writes need no mkdir. */
  readonly #made = new Set<string>();

  /** @param path absolute path of the repository's folder */
  constructor(path: string) {
    this.location = path;
  }

  async isEmpty(): Promise<boolean> {
    const own = new Set([...Object.values(folderOfType), 'lost+found']);
    const names = await readdir(this.location).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return [];
      throw storageError(this.location, error);
    });
    if (names.some((name) => !own.has(name))) return false;
    for (const type of fileTypes) for await (const _file of this.list(type)) return false;
    return true;
  }

  async prepare(): Promise<void> {
    await this.#guard(this.location, async () => {
      await mkdir(this.location, { recursive: true, mode: folderMode });
      for (const type of fileTypes)
        await mkdir(join(this.location, folderOfType[type]), { recursive: true, mode: folderMode });
      for (let i = 0; i < 256; i++) {
        await mkdir(join(this.location, 'data', i.toString(16).padStart(2, '0')), {
          recursive: true,
          mode: folderMode,
        });
      }
      await syncFolder(join(this.location, 'data'));
      await syncFolder(this.location);
    });
  }

  async readConfig(): Promise<Buffer | undefined> {
    const path = join(this.location, 'config');
    try {
      return await readFile(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw storageError(path, error);
    }
  }

  writeConfig(bytes: Uint8Array): Promise<void> {
    return this.#writeFile(join(this.location, 'config'), [bytes]);
  }

  async *list(type: FileType): AsyncIterable<StoredFile> {
    const root = join(this.location, folderOfType[type]);
    const paths = type === 'data' ? (await this.#subfolders(root)).map((name) => join(root, name)) : [root];
    for (let at = 0; at < paths.length; at += foldersTogether) {
      const lists = paths.slice(at, at + foldersTogether).map((path) => namesIn(path));
      for (const { path, names } of await Promise.all(lists)) yield* this.#withSizes(path, names);
    }
  }

  async size(type: FileType, name: string): Promise<number> {
    const path = this.#path(type, name);
    return this.#guard(path, async () => (await stat(path)).size);
  }

  read(type: FileType, name: string, range?: ByteRange, into?: ArrayBuffer): Promise<Buffer> {
    const path = this.#path(type, name);
    return this.#guard(path, () => readLocalFile(path, range, into));
  }

  write(type: FileType, name: string, parts: readonly Uint8Array[], onSent?: () => void): Promise<void> {
    return this.#writeFile(this.#path(type, name), parts, onSent);
  }

  remove(type: FileType, name: string): Promise<void> {
    return this.removeAll(type, [name]);
  }

  async removeAll(type: FileType, names: readonly string[]): Promise<void> {
    const touched = new Set<string>();
    await eachTogether(names, async (name) => {
      const path = this.#path(type, name);
      await this.#guard(path, () => removeFile(path));
      touched.add(dirname(path));
    });
    await eachTogether([...touched], (path) => this.#guard(path, () => syncIfThere(path)));
  }

  /**
   * Removes temporary files that a killed process left behind. restic ignores them, they only cost space.
   * @param olderThanMs younger files may belong to a running writer
   * @returns how many were removed
   */
  async removeTemporaryFiles(olderThanMs: number, now = Date.now()): Promise<number> {
    const roots = [this.location, ...fileTypes.map((type) => join(this.location, folderOfType[type]))];
    const data = join(this.location, folderOfType.data);
    for (const name of await this.#subfolders(data)) roots.push(join(data, name));
    let removed = 0;
    for (const root of roots) {
      for (const name of await readdir(root).catch(() => [])) {
        if (!temporaryPattern.test(name)) continue;
        const path = join(root, name);
        const info = await stat(path).catch(() => undefined);
        if (info === undefined || now - info.mtimeMs < olderThanMs) continue;
        await this.#guard(path, () => rm(path, { force: true }));
        removed++;
      }
    }
    return removed;
  }

  #path(type: FileType, name: string): string {
    checkFileName(name);
    const folder = join(this.location, folderOfType[type]);
    return type === 'data' ? join(folder, name.slice(0, 2), name) : join(folder, name);
  }

  async #subfolders(root: string): Promise<string[]> {
    try {
      return (await readdir(root)).filter((name) => /^[0-9a-f]{2}$/u.test(name)).sort();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw storageError(root, error);
    }
  }

  async *#withSizes(path: string, names: readonly string[]): AsyncIterable<StoredFile> {
    for (let at = 0; at < names.length; at += requestsTogether) {
      const some = names.slice(at, at + requestsTogether);
      const sizes = await Promise.all(some.map((name) => sizeIfThere(join(path, name))));
      for (const [i, name] of some.entries()) {
        const sizeBytes = sizes[i];
        if (sizeBytes !== undefined) yield { name, sizeBytes };
      }
    }
  }

  async #writeFile(path: string, parts: readonly Uint8Array[], onSent?: () => void): Promise<void> {
    const temporary = `${path}-tmp-${randomBytes(8).toString('hex')}`;
    await this.#guard(path, async () => {
      await this.#makeFolder(dirname(path));
      try {
        await writeDurably(temporary, parts, onSent);
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      await syncFolder(dirname(path));
      // File systems without modes (FAT, some network shares) refuse this; the mode only guards against accidents.
      await chmod(path, storedMode).catch(() => undefined);
    });
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#made.has(path)) return;
    if ((await mkdir(path, { recursive: true, mode: folderMode })) !== undefined) await syncFolder(dirname(path));
    this.#made.add(path);
  }

  async #guard<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // Somebody may have removed a folder behind our back: the next write makes it again.
      if (errnoOf(error) === 'ENOENT') this.#made.delete(dirname(path));
      throw storageError(path, error);
    }
  }
}

async function eachTogether(items: readonly string[], work: (item: string) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += requestsTogether)
    await Promise.all(items.slice(at, at + requestsTogether).map(work));
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

async function syncIfThere(folder: string): Promise<void> {
  try {
    await syncFolder(folder);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** The repository files of a folder; none when it is missing. */
async function namesIn(path: string): Promise<{ path: string; names: string[] }> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return { path, names: entries.filter((entry) => entry.isFile() && isFileName(entry.name)).map(({ name }) => name) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { path, names: [] };
    throw storageError(path, error);
  }
}

/** A file may vanish between the listing and the question for its size: it then was not there. */
async function sizeIfThere(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw storageError(path, error);
  }
}

async function writeDurably(path: string, parts: readonly Uint8Array[], onSent?: () => void): Promise<void> {
  const file = await DirectFile.open(path, 'new', fileMode);
  try {
    await file.write(parts);
    onSent?.();
    await file.sync();
  } finally {
    await file.close();
  }
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function storageError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new AppError('notFound', `${path} does not exist`, { cause: error });
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('storageFull', `no space left to write ${path}`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AppError('storageDenied', `access to ${path} is denied: ${messageOf(error)}`, { cause: error });
    default:
      return new AppError('storageFailed', `${path}: ${messageOf(error)}`, { cause: error });
  }
}
