import { AppError } from '../../shared/errors.ts';
import { type BlobType, idBytes } from './blob-id.ts';
import { type BlobLocation, BlobTable } from './blob-table.ts';
import type { SealingKey } from './cipher.ts';
import { throwIfAborted } from './cancel.ts';
import { Slots } from './slots.ts';
import type { FinishedPack } from './index-file.ts';
import { scanIndex } from './index-scanner.ts';
import { freeMemory } from './memory.ts';
import type { Storage, StoredFile } from './storage/storage.ts';
import { readUnpackedFiles } from './unpacked-files.ts';

/** Blobs in numbered rows, for whoever has to keep track of each of them. Rows are only added. */
export interface BlobRows {
  readonly tables: Readonly<Record<BlobType, BlobTable>>;
  /** The row where the blob is to be read, −1 when it is unknown. */
  rowOf(type: BlobType, id: Uint8Array): number;
  /** The name behind {@link BlobLocation.pack}. */
  packName(pack: number): string;
}

/** Everything that the index files of a repository say, in flat memory (64 bytes a blob). */
export class BlobIndex {
  readonly #storage: Storage;
  readonly #key: SealingKey;
  #contents = new IndexTables();
  #files = new Set<string>();
  readonly #loading = new Slots(1);

  constructor(storage: Storage, key: SealingKey) {
    this.#storage = storage;
    this.#key = key;
  }

  get blobCount(): number {
    return this.#contents.tables.data.size + this.#contents.tables.tree.size;
  }

  /** The rows as they are; a later {@link load} may put others in their place. */
  get rows(): BlobRows {
    return this.#contents;
  }

  get memoryBytes(): number {
    return this.#contents.tables.data.memoryBytes + this.#contents.tables.tree.memoryBytes;
  }

  /**
   * Brings the index to what the repository holds now: new files are read; when one of the known files is gone (a prune),
   * everything is read anew, so that no blob stays that may have been deleted. Call it after taking a lock.
   * @throws AppError repositoryDamaged, storage errors
   */
  load(signal?: AbortSignal): Promise<void> {
    return this.#loading.run(() => this.#load(signal));
  }

  async #load(signal = new AbortController().signal): Promise<void> {
    const known = [...this.#files];
    const listed: StoredFile[] = [];
    for await (const file of this.#storage.list('index')) listed.push(file);
    const names = new Set(listed.map(({ name }) => name));
    if (known.every((name) => names.has(name))) {
      await this.#addFiles(this.#contents, this.#files, listed, signal);
      return;
    }
    const contents = new IndexTables();
    const files = new Set<string>();
    await this.#addFiles(contents, files, listed, signal);
    // A writer of this process may have added files since the listing.
    const writtenSince = () => [...this.#files].filter((name) => !known.includes(name) && !files.has(name));
    for (let more = writtenSince(); more.length > 0; more = writtenSince()) {
      const sizes = more.map(async (name) => ({ name, sizeBytes: await this.#storage.size('index', name) }));
      await this.#addFiles(contents, files, await Promise.all(sizes), signal);
    }
    this.#contents = contents;
    this.#files = files;
  }

  async #addFiles(
    contents: IndexTables,
    files: Set<string>,
    listed: readonly StoredFile[],
    signal: AbortSignal,
  ): Promise<void> {
    const wanted = listed.filter(({ name }) => !files.has(name));
    for await (const { file, json } of readUnpackedFiles(this.#storage, this.#key, 'index', wanted, signal)) {
      if (json instanceof AppError) throw json;
      throwIfAborted(signal);
      // Written by a writer of this process while it was read.
      if (files.has(file.name)) continue;
      contents.addFile(json, `index file ${file.name}`);
      freeMemory(json);
      files.add(file.name);
    }
  }

  /** Takes over what a writer has just stored in the index file `name`. */
  addWritten(name: string, packs: readonly FinishedPack[]): void {
    for (const pack of packs) this.#contents.addPack(pack);
    this.#files.add(name);
  }

  has(type: BlobType, id: Uint8Array): boolean {
    return this.#contents.tables[type].has(id);
  }

  find(type: BlobType, id: Uint8Array): BlobLocation | undefined {
    const table = this.#contents.tables[type];
    const row = table.find(id);
    return row < 0 ? undefined : table.location(row);
  }

  /** Length of a blob's content in bytes, −1 when it is unknown. */
  plainLength(type: BlobType, id: Uint8Array): number {
    const table = this.#contents.tables[type];
    const row = table.find(id);
    return row < 0 ? -1 : table.plainLength(row);
  }

  /** The name behind {@link BlobLocation.pack}. */
  packName(pack: number): string {
    return this.#contents.packName(pack);
  }
}

class IndexTables implements BlobRows {
  readonly tables: Record<BlobType, BlobTable> = { data: new BlobTable(), tree: new BlobTable() };
  #packNames = Buffer.alloc(idBytes * 256);
  #packCount = 0;

  /** @throws AppError repositoryDamaged; nothing of the file is added then */
  addFile(json: Buffer, label: string): void {
    const before = { data: this.tables.data.size, tree: this.tables.tree.size, packs: this.#packCount };
    try {
      scanIndex(json, label, (name) => {
        const pack = this.#addPackName(name);
        return ({ type, id, offset, length, plainLength }) => {
          this.tables[type].addStored(id, pack, offset, length, plainLength);
        };
      });
    } catch (error) {
      this.tables.data.shrink(before.data);
      this.tables.tree.shrink(before.tree);
      this.#packCount = before.packs;
      throw error;
    }
  }

  addPack(pack: FinishedPack): void {
    const number = this.#addPackName(pack.name);
    for (const blob of pack.blobs) this.tables[pack.type].add(blob.id, { ...blob, pack: number });
  }

  rowOf(type: BlobType, id: Uint8Array): number {
    return this.tables[type].find(id);
  }

  packName(pack: number): string {
    return this.#packNames.toString('hex', pack * idBytes, (pack + 1) * idBytes);
  }

  #addPackName(name: string): number {
    if ((this.#packCount + 1) * idBytes > this.#packNames.length) {
      this.#packNames = Buffer.concat([this.#packNames, Buffer.alloc(this.#packNames.length)]);
    }
    this.#packNames.write(name, this.#packCount * idBytes, 'hex');
    return this.#packCount++;
  }
}
