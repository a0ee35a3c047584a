import { AppError } from '../../shared/errors.ts';
import type { ByteRange, FileType, Storage } from '../../agent/repository/storage/storage.ts';

/** A repository in memory that somebody else has filled; names are not checked. */
export class HeldFiles implements Storage {
  readonly location = 'memory';
  readonly connections = 4;
  readonly #files: ReadonlyMap<FileType, ReadonlyMap<string, Buffer>>;

  constructor(files: Partial<Record<FileType, Record<string, Buffer>>>) {
    this.#files = new Map(
      Object.entries(files).map(([type, named]) => [type as FileType, new Map(Object.entries(named))]),
    );
  }

  async isEmpty(): Promise<boolean> {
    return this.#files.size === 0;
  }

  async prepare(): Promise<void> {}

  async readConfig(): Promise<undefined> {
    return undefined;
  }

  async writeConfig(): Promise<void> {}

  async *list(type: FileType): ReturnType<Storage['list']> {
    for (const [name, { length }] of this.#files.get(type) ?? []) yield { name, sizeBytes: length };
  }

  async size(type: FileType, name: string): Promise<number> {
    return (await this.read(type, name)).length;
  }

  async read(type: FileType, name: string, range?: ByteRange): Promise<Buffer> {
    const bytes = this.#files.get(type)?.get(name);
    if (bytes === undefined) throw new AppError('notFound', `no ${type} ${name}`);
    if (range === undefined) return bytes;
    const part = bytes.subarray(range.offset, range.offset + range.length);
    if (part.length < range.length) throw new AppError('repositoryDamaged', 'too short');
    return part;
  }

  async write(): Promise<void> {}

  async remove(): Promise<void> {}
}
