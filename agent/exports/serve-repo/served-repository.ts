import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../../shared/node/atomic-file.ts';
import { LocalStorage } from '../../repository/storage/local.ts';
import { folderOfType } from '../../repository/storage/storage.ts';
import { checkFileName, type FileType, type StoredFile } from '../../repository/storage/storage.ts';
import { errnoOf, Refusal } from './refusal.ts';

const storedMode = 0o400;
const folderMode = 0o700;

/** A file of a repository; `config` has no name. */
export type FileId = { type: 'config' } | { type: FileType; name: string };

/** A repository in a folder of this machine, laid out as {@link LocalStorage} does, for files that come and go as streams. */
export class ServedRepository {
  readonly #path: string;
  readonly #storage: LocalStorage;

  /** @param path absolute */
  constructor(path: string) {
    this.#path = path;
    this.#storage = new LocalStorage(path);
  }

  async exists(): Promise<boolean> {
    return (await unlessMissing(stat(this.#path)))?.isDirectory() === true;
  }

  prepare(): Promise<void> {
    return this.#storage.prepare();
  }

  list(type: FileType): AsyncIterable<StoredFile> {
    return this.#storage.list(type);
  }

  /** Removes what uploads left behind that a power cut ended. */
  removeTemporaryFiles(olderThanMs: number): Promise<number> {
    return this.#storage.removeTemporaryFiles(olderThanMs);
  }

  /** Opens a file for reading; follows no link and waits for no pipe. @throws ENOENT */
  async open(id: FileId): Promise<{ file: FileHandle; sizeBytes: number }> {
    const file = await open(this.#fileOf(id), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (!info.isFile()) throw new Refusal(404, 'not found');
      return { file, sizeBytes: info.size };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async has(id: FileId): Promise<boolean> {
    return (await unlessMissing(stat(this.#fileOf(id)))) !== undefined;
  }

  /**
   * Lets `fill` write a new file and gives it its name when it is complete and durable.
   * @param mayReplace when not, a name that is taken is refused, whoever comes at the same moment
   * @throws Refusal 403 when it is taken; whatever `fill` throws, and then nothing is left
   */
  async store(id: FileId, mayReplace: boolean, fill: (file: FileHandle) => Promise<void>): Promise<void> {
    const path = this.#fileOf(id);
    const temporary = `${path}-tmp-${randomBytes(8).toString('hex')}`;
    const file = await openNew(temporary);
    try {
      try {
        await fill(file);
        // File systems without modes refuse this; the mode only guards against accidents.
        await file.chmod(storedMode).catch(() => undefined);
        await file.sync();
      } finally {
        await file.close();
      }
      if (mayReplace) await rename(temporary, path);
      else await publishNew(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  }

  /** @throws ENOENT */
  async remove(id: FileId): Promise<void> {
    const path = this.#fileOf(id);
    await unlink(path);
    await syncFolder(dirname(path));
  }

  #fileOf(id: FileId): string {
    if (id.type === 'config') return join(this.#path, 'config');
    const { type, name } = id;
    checkFileName(name);
    const folder = join(this.#path, folderOfType[type]);
    return type === 'data' ? join(folder, name.slice(0, 2), name) : join(folder, name);
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    const folder = dirname(path);
    if ((await mkdir(folder, { recursive: true, mode: folderMode })) !== undefined) await syncFolder(dirname(folder));
    return open(path, 'wx', 0o600);
  }
}

/** A link is refused when the name is taken, where a rename would replace. */
async function publishNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EEXIST') throw taken();
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EMLINK') throw error;
    // A file system without hard links: two at the same moment could both win, with the same verified content.
    if ((await unlessMissing(stat(to))) !== undefined) throw taken();
    await rename(from, to);
    return;
  }
  await unlink(from);
}

/** What a server of this protocol says to a second file of a name. */
export function taken(): Refusal {
  return new Refusal(403, 'a file of this name is there already');
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
