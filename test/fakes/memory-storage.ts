import { AppError } from '../../shared/errors.ts';
import {
  type ByteRange,
  checkFileName,
  type FileType,
  fileTypes,
  type Storage,
  type StoredFile,
} from '../../agent/repository/storage/storage.ts';

/** A storage in memory that counts and can be told to fail. */
export class MemoryStorage implements Storage {
  readonly location = 'memory';
  readonly connections = 2;
  readonly files: Record<FileType, Map<string, Buffer>>;
  config: Buffer | undefined;
  /** What was written, in order, as `type/name`. */
  readonly written: string[] = [];
  /** Called before each write; throws to make it fail, waits to make it slow. */
  beforeWrite: (type: FileType, name: string) => Promise<void> | void = () => undefined;
  beforeRemove: (type: FileType, name: string) => Promise<void> | void = () => undefined;

  constructor() {
    this.files = Object.fromEntries(
      fileTypes.map((type) => [type, new Map<string, Buffer>()]),
    ) as MemoryStorage['files'];
  }

  isEmpty(): Promise<boolean> {
    return Promise.resolve(this.config === undefined && fileTypes.every((type) => this.files[type].size === 0));
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  readConfig(): Promise<Buffer | undefined> {
    return Promise.resolve(this.config);
  }

  writeConfig(bytes: Uint8Array): Promise<void> {
    this.config = Buffer.from(bytes);
    this.written.push('config');
    return Promise.resolve();
  }

  async *list(type: FileType): AsyncIterable<StoredFile> {
    // A snapshot of the names: files come and go while somebody lists.
    const files = Array.from(this.files[type]);
    for (const [name, bytes] of files) yield { name, sizeBytes: bytes.length };
  }

  async size(type: FileType, name: string): Promise<number> {
    return this.#get(type, name).length;
  }

  async read(type: FileType, name: string, range?: ByteRange): Promise<Buffer> {
    const bytes = this.#get(type, name);
    if (range === undefined) return Buffer.from(bytes);
    if (range.offset + range.length > bytes.length) throw new AppError('repositoryDamaged', `${name} is too short`);
    return Buffer.from(bytes.subarray(range.offset, range.offset + range.length));
  }

  async write(type: FileType, name: string, parts: readonly Uint8Array[]): Promise<void> {
    checkFileName(name);
    await this.beforeWrite(type, name);
    this.files[type].set(name, Buffer.concat(parts));
    this.written.push(`${type}/${name}`);
  }

  async remove(type: FileType, name: string): Promise<void> {
    checkFileName(name);
    await this.beforeRemove(type, name);
    this.files[type].delete(name);
  }

  #get(type: FileType, name: string): Buffer {
    checkFileName(name);
    const bytes = this.files[type].get(name);
    if (bytes === undefined) throw new AppError('notFound', `${type} file ${name} does not exist`);
    return bytes;
  }
}
