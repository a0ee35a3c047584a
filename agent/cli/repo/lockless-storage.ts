import { AppError } from '../../../shared/errors.ts';
import type { ByteRange, FileType, Storage } from '../../repository/storage/storage.ts';

/** A repository that must only be read: locks are neither written nor looked at, and nothing else can be written. */
export class LocklessStorage implements Storage {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  get location(): string {
    return this.#storage.location;
  }

  get connections(): number {
    return this.#storage.connections;
  }

  isEmpty(): Promise<boolean> {
    return this.#storage.isEmpty();
  }

  prepare(): Promise<void> {
    return Promise.reject(refused());
  }

  readConfig(): Promise<Buffer | undefined> {
    return this.#storage.readConfig();
  }

  writeConfig(): Promise<void> {
    return Promise.reject(refused());
  }

  async *list(type: FileType): ReturnType<Storage['list']> {
    if (type !== 'lock') yield* this.#storage.list(type);
  }

  async size(type: FileType, name: string): Promise<number> {
    return type === 'lock' ? 0 : this.#storage.size(type, name);
  }

  read(type: FileType, name: string, range?: ByteRange, into?: ArrayBuffer): Promise<Buffer> {
    return this.#storage.read(type, name, range, into);
  }

  async write(type: FileType): Promise<void> {
    if (type !== 'lock') throw refused();
  }

  async remove(type: FileType): Promise<void> {
    if (type !== 'lock') throw refused();
  }

  async close(): Promise<void> {
    await this.#storage.close?.();
  }
}

function refused(): AppError {
  return new AppError('internal', 'the repository is open for reading only');
}
