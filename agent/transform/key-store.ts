import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { syncFolder, writeFileAtomic } from '../../shared/node/atomic-file.ts';
import { keyIdOf, transformKeyBytes } from './transform-key.ts';

const ownName = 'transform.key';
const importedFolder = 'keys';
const importedEnding = '.key';

/** A transformation key and its name, 32 hexadecimal digits. */
export interface NamedKey {
  id: string;
  /** 32 bytes. */
  key: Uint8Array;
}

/** The transformation keys of an agent: its own one, made once, and those that were imported from others (DETAILS 11). */
export class TransformKeys {
  readonly own: NamedKey;
  readonly #folder: string;

  private constructor(folder: string, own: NamedKey) {
    this.#folder = join(folder, importedFolder);
    this.own = own;
  }

  /**
   * Reads the own key of an agent's folder, or makes it when there is none.
   * @throws AppError invalidValue when the file holds something else
   */
  static async open(folder: string): Promise<TransformKeys> {
    const path = join(folder, ownName);
    const key = (await readKey(path)) ?? (await makeKey(folder, path));
    return new TransformKeys(folder, named(key));
  }

  /** A key by its name, as it is now: an import needs no restart. @throws AppError invalidValue for a damaged file */
  async find(id: string): Promise<Uint8Array | undefined> {
    if (id === this.own.id) return this.own.key;
    if (!/^[0-9a-f]{32}$/u.test(id)) return undefined;
    const path = this.#pathOf(id);
    const key = await readKey(path);
    if (key !== undefined && named(key).id !== id) throw notAKey(path, 'it is another one');
    return key;
  }

  /** Names of the imported keys. */
  async imported(): Promise<string[]> {
    try {
      const names = await readdir(this.#folder);
      return names
        .filter((name) => /^[0-9a-f]{32}\.key$/u.test(name))
        .map((name) => name.slice(0, -importedEnding.length));
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  /** Keeps a key of another agent. @returns its name */
  async import(key: Uint8Array): Promise<string> {
    const { id } = named(key);
    if (id === this.own.id) return id;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.#pathOf(id), key);
    return id;
  }

  #pathOf(id: string): string {
    return join(this.#folder, id + importedEnding);
  }
}

function named(key: Uint8Array): NamedKey {
  return { id: keyIdOf(key).toString('hex'), key };
}

async function readKey(path: string): Promise<Buffer | undefined> {
  try {
    const key = await readFile(path);
    if (key.length !== transformKeyBytes) throw notAKey(path, `it has ${key.length} bytes`);
    return key;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Two programs that start at once must end up with one key, so the file is linked into place and never replaced. */
async function makeKey(folder: string, path: string): Promise<Buffer> {
  const temporary = join(folder, `.${randomUUID()}.new`);
  await writeFileAtomic(temporary, randomBytes(transformKeyBytes));
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
  const key = await readKey(path);
  if (key === undefined) throw new AppError('internal', `${path} vanished while it was made`);
  return key;
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function notAKey(path: string, why: string): AppError {
  return new AppError('invalidValue', `${path} is no transformation key: ${why}`, {
    hint: 'Put the file back from a copy, or import the key from its printed sheet.',
  });
}
