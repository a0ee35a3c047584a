import { z } from 'zod';
import { AppError, hasCode, messageOf } from '../../../shared/errors.ts';
import { parseJson } from '../json.ts';
import { type KdfParameters, type OpenedKeyFile, openKeyFile, writeKeyFile } from '../key-file.ts';
import type { RepositoryLock } from '../lock.ts';
import { isFileName, type Storage } from '../storage/storage.ts';

/** A key file: one password that opens the repository. */
export interface RepositoryKey {
  id: string;
  /** As its writer wrote it, RFC 3339; empty when the file cannot be read. */
  created: string;
  username: string;
  hostname: string;
  /** Whether this repository was opened with it. */
  current: boolean;
  /** Why the file is no use; undefined when it is fine. */
  problem: string | undefined;
}

const keySchema = z.object({
  created: z.string().max(100).default(''),
  username: z.string().max(1000).default(''),
  hostname: z.string().max(1000).default(''),
});

/** The passwords of an open repository: each has a key file, and all of them open the same master key. */
export class RepositoryKeys {
  readonly #storage: Storage;
  readonly #opened: OpenedKeyFile;
  readonly #repositoryId: string;

  constructor(storage: Storage, opened: OpenedKeyFile, repositoryId: string) {
    this.#storage = storage;
    this.#opened = opened;
    this.#repositoryId = repositoryId;
  }

  /** Every key file, oldest first. @throws storage errors */
  async list(): Promise<RepositoryKey[]> {
    const keys: RepositoryKey[] = [];
    for await (const { name } of this.#storage.list('key')) {
      const key = await this.#read(name);
      if (key !== undefined) keys.push(key);
    }
    return keys.sort((a, b) => (a.created < b.created || (a.created === b.created && a.id < b.id) ? -1 : 1));
  }

  /**
   * Lets one more password open the repository. Hold a shared lock.
   * @returns the id of its key
   * @throws AppError invalidValue for an empty password, storage errors
   */
  async add(password: string, kdf?: KdfParameters): Promise<string> {
    if (password === '') throw new AppError('invalidValue', 'the password is empty');
    return writeKeyFile(this.#storage, password, this.#opened.master, kdf);
  }

  /**
   * Takes a password away. It does not protect against somebody who has already read the master key with it.
   * @param lock exclusive
   * @param otherPassword needed to remove the key in use: a password whose key stays
   * @throws AppError notFound, inUse for the last key and the one in use, wrongPassword, storage errors
   */
  async remove(lock: RepositoryLock, id: string, otherPassword?: string): Promise<void> {
    if (!lock.exclusive) throw new AppError('internal', 'this needs an exclusive lock of the repository');
    const keys = await this.list();
    if (!keys.some((key) => key.id === id)) throw new AppError('notFound', `the repository has no key ${id}`);
    if (!keys.some((key) => key.id !== id && key.problem === undefined)) {
      throw new AppError('inUse', 'this is the last password of the repository');
    }
    if (id === this.#opened.name) await this.#needOther(id, otherPassword);
    await this.#storage.remove('key', id);
  }

  /**
   * The text of a key file for paper. With its password it opens the repository when all key files are lost: it belongs
   * into `keys/` under the name that is the SHA-256 of the text.
   * @param id default the key in use
   * @throws AppError notFound, storage errors
   */
  async export(id = this.#opened.name): Promise<{ repositoryId: string; keyId: string; text: string }> {
    if (!isFileName(id)) throw new AppError('notFound', `the repository has no key ${JSON.stringify(id)}`);
    const text = (await this.#storage.read('key', id)).toString('utf8');
    return { repositoryId: this.#repositoryId, keyId: id, text };
  }

  async #needOther(id: string, password: string | undefined): Promise<void> {
    if (password === undefined) {
      throw new AppError('inUse', 'the repository was opened with this password', {
        hint: 'Give another password of the repository.',
      });
    }
    const { name } = await openKeyFile(this.#storage, password);
    if (name === id) throw new AppError('inUse', 'the other password is the one that is to be removed');
  }

  async #read(name: string): Promise<RepositoryKey | undefined> {
    const key = { id: name, current: name === this.#opened.name };
    try {
      const file = parseJson(keySchema, await this.#storage.read('key', name), `key file ${name}`);
      return { ...key, ...file, problem: undefined };
    } catch (error) {
      // Removed since it was listed.
      if (hasCode(error, 'notFound')) return undefined;
      if (!hasCode(error, 'repositoryDamaged')) throw error;
      return { ...key, created: '', username: '', hostname: '', problem: messageOf(error) };
    }
  }
}
