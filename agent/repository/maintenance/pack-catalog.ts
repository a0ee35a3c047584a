import { AppError, hasCode, messageOf } from '../../../shared/errors.ts';
import { type BlobType, idBytes } from '../blob-id.ts';
import type { BlobRows } from '../blob-index.ts';
import { BlobTable } from '../blob-table.ts';
import { sealOverhead } from '../cipher.ts';
import { type ScannedBlob, scanIndex } from '../index-scanner.ts';
import { freeMemory } from '../memory.ts';
import { headerEntryBytes } from '../pack-header.ts';

/** Bytes of a pack beside its blobs and their header entries: the header's seal and its length. */
export const packOverhead = sealOverhead + 4;

/** A pack as the index files tell it. Its rows stand together in each table. */
export interface CatalogPack {
  name: string;
  first: Record<BlobType, number>;
  count: Record<BlobType, number>;
  /** What the file must have. */
  sizeBytes: number;
  /** What the file has; undefined when there is none. */
  listedBytes: number | undefined;
}

export interface CatalogFile {
  name: string;
  sizeBytes: number;
  packs: number[];
  blobs: number;
}

/**
 * Everything that the index files say, duplicates included, beside what is really there: what maintenance has to know and
 * the index of a writer does not keep. 64 bytes a blob and about 300 a pack.
 */
export class PackCatalog implements BlobRows {
  readonly tables: Record<BlobType, BlobTable> = { data: new BlobTable(), tree: new BlobTable() };
  readonly packs: CatalogPack[] = [];
  readonly files: CatalogFile[] = [];
  /** Packs that no index file knows, with their sizes in bytes. */
  readonly orphans = new Map<string, number>();
  readonly #numbers = new Map<string, number>();
  #absent = 0;

  packName(pack: number): string {
    return (this.packs[pack] as CatalogPack).name;
  }

  /** The number of a pack, undefined when no index file knows it. */
  packNumber(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** The first row of the blob whose pack is there; when there is no such one, the first. */
  rowOf(type: BlobType, id: Uint8Array): number {
    const table = this.tables[type];
    const first = table.find(id);
    if (this.#absent === 0 || first < 0) return first;
    for (let row = first; row >= 0; row = table.findNext(id, row)) if (this.isThere(type, row)) return row;
    return first;
  }

  /** Whether the pack of the row is there. */
  isThere(type: BlobType, row: number): boolean {
    return this.packs[this.tables[type].location(row).pack]?.listedBytes !== undefined;
  }

  /** The rows of a pack in one table. */
  *rowsOf(pack: CatalogPack, type: BlobType): Generator<number> {
    for (let i = 0; i < pack.count[type]; i++) yield pack.first[type] + i;
  }

  /** @throws AppError repositoryDamaged when the file is broken or contradicts another one */
  addFile(name: string, sizeBytes: number, json: Buffer): void {
    const file: CatalogFile = { name, sizeBytes, packs: [], blobs: 0 };
    const before = { packs: this.packs.length, data: this.tables.data.size, tree: this.tables.tree.size };
    const checks: (() => void)[] = [];
    try {
      scanIndex(json, `index file ${name}`, (packName) => {
        const known = this.#numbers.get(packName);
        const reader = known === undefined ? this.#newPack(packName) : this.#knownPack(known, name);
        file.packs.push(reader.pack);
        checks.push(reader.end);
        return (blob) => {
          file.blobs++;
          reader.blob(blob);
        };
      });
      for (const check of checks) check();
    } catch (error) {
      for (const pack of this.packs.splice(before.packs)) this.#numbers.delete(pack.name);
      this.tables.data.shrink(before.data);
      this.tables.tree.shrink(before.tree);
      throw error;
    }
    this.files.push(file);
  }

  /** Tells which packs are really there. */
  addListed(name: string, sizeBytes: number): void {
    const pack = this.#numbers.get(name);
    if (pack === undefined) this.orphans.set(name, sizeBytes);
    else (this.packs[pack] as CatalogPack).listedBytes = sizeBytes;
  }

  /** After the last file and pack. */
  finish(): void {
    this.#absent = this.packs.filter((pack) => pack.listedBytes === undefined).length;
  }

  #newPack(name: string): PackReader {
    const number = this.packs.length;
    const { tables } = this;
    const pack: CatalogPack = {
      name,
      first: { data: tables.data.size, tree: tables.tree.size },
      count: { data: 0, tree: 0 },
      sizeBytes: packOverhead,
      listedBytes: undefined,
    };
    this.packs.push(pack);
    this.#numbers.set(name, number);
    const blob = ({ type, id, offset, length, plainLength }: Readonly<ScannedBlob>) => {
      tables[type].append(id, { pack: number, offset, length, plainLength });
      pack.count[type]++;
      pack.sizeBytes += length + headerEntryBytes(plainLength > 0);
    };
    return { pack: number, blob, end: () => undefined };
  }

  /** A pack in a second index file, which a crash between writing the new one and removing the old one leaves. */
  #knownPack(number: number, fileName: string): PackReader {
    const pack = this.packs[number] as CatalogPack;
    const seen: Record<BlobType, number> = { data: 0, tree: 0 };
    let same = true;
    const blob = (found: Readonly<ScannedBlob>) => {
      const i = seen[found.type]++;
      same &&= i < pack.count[found.type] && this.#equals(found, pack.first[found.type] + i);
    };
    const end = () => {
      if (same && seen.data === pack.count.data && seen.tree === pack.count.tree) return;
      throw new AppError('repositoryDamaged', `index file ${fileName} contradicts another one about pack ${pack.name}`);
    };
    return { pack: number, blob, end };
  }

  #equals({ type, id, offset, length, plainLength }: Readonly<ScannedBlob>, row: number): boolean {
    const known = this.tables[type].location(row);
    const plain = known.compressed ? known.plainLength : 0;
    const sameId = id.compare(this.tables[type].id(row), 0, idBytes) === 0;
    return sameId && known.offset === offset && known.length === length && plain === plainLength;
  }
}

interface PackReader {
  pack: number;
  blob: (blob: Readonly<ScannedBlob>) => void;
  end: () => void;
}

/** Adds an index file. @returns what is wrong with it */
export function tryAddFile(catalog: PackCatalog, name: string, sizeBytes: number, json: Buffer): string | undefined {
  try {
    catalog.addFile(name, sizeBytes, json);
    return undefined;
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged')) throw error;
    return messageOf(error);
  } finally {
    freeMemory(json);
  }
}
