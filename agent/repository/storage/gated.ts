import { removeFiles } from './remove-files.ts';
import type { ByteRange, FileType, Storage } from './storage.ts';

/** A storage whose writes wait until a gate opens; when it never does, they fail as it failed. Reads do not wait. */
export class GatedStorage implements Storage {
  readonly #storage: Storage;
  readonly #gate: Promise<void>;

  constructor(storage: Storage, gate: Promise<void>) {
    this.#storage = storage;
    this.#gate = gate;
  }

  get location(): string {
    return this.#storage.location;
  }

  get connections(): number {
    return this.#storage.connections;
  }

  get sending(): number {
    return this.#storage.sending ?? this.#storage.connections;
  }

  isEmpty(): Promise<boolean> {
    return this.#storage.isEmpty();
  }

  async prepare(): Promise<void> {
    await this.#gate;
    await this.#storage.prepare();
  }

  readConfig(): Promise<Buffer | undefined> {
    return this.#storage.readConfig();
  }

  async writeConfig(bytes: Uint8Array): Promise<void> {
    await this.#gate;
    await this.#storage.writeConfig(bytes);
  }

  list(type: FileType): ReturnType<Storage['list']> {
    return this.#storage.list(type);
  }

  size(type: FileType, name: string): Promise<number> {
    return this.#storage.size(type, name);
  }

  read(type: FileType, name: string, range?: ByteRange, into?: ArrayBuffer): Promise<Buffer> {
    return this.#storage.read(type, name, range, into);
  }

  async write(type: FileType, name: string, parts: readonly Uint8Array[], onSent?: () => void): Promise<void> {
    await this.#gate;
    await this.#storage.write(type, name, parts, onSent);
  }

  async remove(type: FileType, name: string): Promise<void> {
    await this.#gate;
    await this.#storage.remove(type, name);
  }

  async removeAll(type: FileType, names: readonly string[]): Promise<void> {
    await this.#gate;
    await removeFiles(this.#storage, type, names);
  }

  async close(): Promise<void> {
    await this.#storage.close?.();
  }
}
