import { type BlobType, blobTypes } from '../blob-id.ts';
import type { FinishedPack, PackedBlob } from '../index-file.ts';
import { maxBlobs, targetBytes } from '../pack-builder.ts';
import { headerEntryBytes } from '../pack-header.ts';
import { type CatalogPack, type PackCatalog, packOverhead } from './pack-catalog.ts';
import type { BlobSet } from './row-set.ts';

/** A pack that repacking will make: which blobs, in which order. Everything about it is known but its name. */
export interface NewPack {
  type: BlobType;
  rows: Uint32Array;
  sizeBytes: number;
}

/** Cuts what is needed of some packs into new ones by the rule of the pack builder. */
export function planNewPacks(catalog: PackCatalog, used: BlobSet, repacked: readonly number[]): NewPack[] {
  const packs: NewPack[] = [];
  for (const type of blobTypes) {
    let rows: number[] = [];
    let bodyBytes = 0;
    let entryBytes = 0;
    const close = () => {
      if (rows.length > 0)
        packs.push({ type, rows: Uint32Array.from(rows), sizeBytes: bodyBytes + entryBytes + packOverhead });
      [rows, bodyBytes, entryBytes] = [[], 0, 0];
    };
    for (const number of repacked) {
      for (const row of inOrder(catalog, catalog.packs[number] as CatalogPack, type)) {
        if (!used[type].has(row)) continue;
        const blob = catalog.tables[type].location(row);
        rows.push(row);
        bodyBytes += blob.length;
        entryBytes += headerEntryBytes(blob.compressed);
        if (bodyBytes >= targetBytes || rows.length >= maxBlobs) close();
      }
    }
    close();
  }
  return packs;
}

/** The rows of a pack as its blobs stand in it. */
function inOrder(catalog: PackCatalog, pack: CatalogPack, type: BlobType): number[] {
  const table = catalog.tables[type];
  const rows = [...catalog.rowsOf(pack, type)];
  const offsets = new Map(rows.map((row) => [row, table.location(row).offset]));
  return rows.sort((a, b) => (offsets.get(a) as number) - (offsets.get(b) as number));
}

/** What the index says of a new pack. */
export function describeNewPack(catalog: PackCatalog, { type, rows }: NewPack, name: string): FinishedPack {
  let offset = 0;
  const blobs: PackedBlob[] = [];
  for (const row of rows) {
    const { length, plainLength, compressed } = catalog.tables[type].location(row);
    blobs.push({ id: catalog.tables[type].id(row), offset, length, plainLength, compressed });
    offset += length;
  }
  return { name, type, blobs };
}

/** What the index says of a pack that stays. It holds blobs of one type. */
export function describePack(catalog: PackCatalog, pack: CatalogPack): FinishedPack {
  const type: BlobType = pack.count.tree > 0 ? 'tree' : 'data';
  return { name: pack.name, type, blobs: describeRows(catalog, type, catalog.rowsOf(pack, type)) };
}

/** Blobs as they stand in their pack. */
export function describeRows(catalog: PackCatalog, type: BlobType, rows: Iterable<number>): PackedBlob[] {
  const table = catalog.tables[type];
  const blobs: PackedBlob[] = [];
  for (const row of rows) blobs.push({ ...table.location(row), id: table.id(row) });
  return blobs;
}
