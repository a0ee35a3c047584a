import { blobTypes } from '../blob-id.ts';
import { targetBytes } from '../pack-builder.ts';
import { headerEntryBytes } from '../pack-header.ts';
import type { CatalogPack, PackCatalog } from './pack-catalog.ts';
import type { BlobSet } from './row-set.ts';

/** What becomes of each pack, by number. */
export interface PackChoice {
  kept: number[];
  /** Nothing in them is needed. */
  removed: number[];
  /** What is needed in them goes into new packs. */
  repacked: number[];
}

/** Packs below this are joined when there are so many of them. */
const smallBytes = targetBytes / 4;
const manySmall = 10;

interface Candidate {
  number: number;
  sizeBytes: number;
  unusedBytes: number;
}

/**
 * Decides as restic does: unneeded packs go; of the partly needed ones those with the largest unneeded share are repacked
 * until what stays unneeded is small enough; tree packs and packs of both types always, since every reader goes through them.
 * @param maxUnusedPercent of the data that stays, 0 = give back everything
 */
export function choosePacks(catalog: PackCatalog, used: BlobSet, maxUnusedPercent: number): PackChoice {
  const choice: PackChoice = { kept: [], removed: [], repacked: [] };
  const partly: Candidate[] = [];
  const small: Record<'data' | 'tree', number[]> = { data: [], tree: [] };
  for (const [number, pack] of catalog.packs.entries()) {
    const { usedBytes, unusedBytes } = shares(catalog, pack, used);
    const mixed = pack.count.data > 0 && pack.count.tree > 0;
    if (pack.listedBytes === undefined || usedBytes === 0) choice.removed.push(number);
    else if (mixed || (unusedBytes > 0 && pack.count.tree > 0)) choice.repacked.push(number);
    else if (unusedBytes > 0) partly.push({ number, sizeBytes: pack.sizeBytes, unusedBytes });
    else {
      choice.kept.push(number);
      if (pack.sizeBytes < smallBytes) small[pack.count.tree > 0 ? 'tree' : 'data'].push(number);
    }
  }
  choosePartly(catalog, partly, choice, maxUnusedPercent);
  joinSmall(choice, small);
  for (const list of Object.values(choice) as number[][]) list.sort((a, b) => a - b);
  return choice;
}

function shares(catalog: PackCatalog, pack: CatalogPack, used: BlobSet) {
  let usedBytes = 0;
  let unusedBytes = 0;
  for (const type of blobTypes) {
    for (const row of catalog.rowsOf(pack, type)) {
      const blob = catalog.tables[type].location(row);
      const size = blob.length + headerEntryBytes(blob.compressed);
      if (used[type].has(row)) usedBytes += size;
      else unusedBytes += size;
    }
  }
  return { usedBytes, unusedBytes };
}

/** The largest unneeded share first. */
function choosePartly(catalog: PackCatalog, partly: Candidate[], choice: PackChoice, maxUnusedPercent: number): void {
  const sizeOf = (number: number) => (catalog.packs[number] as CatalogPack).sizeBytes;
  let total = choice.kept.reduce((sum, number) => sum + sizeOf(number), 0);
  let unused = 0;
  for (const pack of partly) {
    total += pack.sizeBytes;
    unused += pack.unusedBytes;
  }
  partly.sort((a, b) => b.unusedBytes / b.sizeBytes - a.unusedBytes / a.sizeBytes || a.number - b.number);
  for (const { number, unusedBytes } of partly) {
    if (unused * 100 <= total * maxUnusedPercent) choice.kept.push(number);
    else {
      choice.repacked.push(number);
      unused -= unusedBytes;
      total -= unusedBytes;
    }
  }
}

/** A writer of small points leaves two small packs each time; joined they are few files and few round trips. */
function joinSmall(choice: PackChoice, small: Record<'data' | 'tree', number[]>): void {
  const joined = new Set<number>();
  for (const type of blobTypes) {
    if (small[type].length < manySmall) continue;
    for (const number of small[type]) joined.add(number);
  }
  choice.kept = choice.kept.filter((number) => !joined.has(number));
  choice.repacked.push(...joined);
}
