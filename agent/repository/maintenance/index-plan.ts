import { createHash } from 'node:crypto';
import { encodeIndex, type FinishedPack } from '../index-file.ts';
import type { Breather } from '../breather.ts';
import { describeNewPack, describePack, type NewPack } from './new-packs.ts';
import type { CatalogFile, CatalogPack, PackCatalog } from './pack-catalog.ts';
import { promisedBytes } from './padded-index.ts';

/** An index file to write. */
export interface NewIndexFile {
  /** Numbers of packs that stay. */
  kept: number[];
  /** Places in the list of new packs. */
  made: number[];
  sizeBytes: number;
}

export interface IndexPlan {
  /** Files that go. */
  obsolete: CatalogFile[];
  written: NewIndexFile[];
}

/** restic's own limit for an index file. */
export const fullBlobs = 50_000;
/** Files below this are joined when there are so many of them. */
const smallBlobs = 5000;
const manySmall = 10;

/** Which index files have to go: those that name a pack that goes, or one that another file names too; and many small ones. */
function obsoleteFiles(catalog: PackCatalog, kept: ReadonlySet<number>): CatalogFile[] {
  const covered = new Set<number>();
  const small = catalog.files.filter((file) => file.blobs < smallBlobs);
  const joined = new Set(small.length >= manySmall ? small : []);
  return catalog.files.filter((file) => {
    const goes = joined.has(file) || file.packs.some((pack) => !kept.has(pack) || covered.has(pack));
    if (!goes) for (const pack of file.packs) covered.add(pack);
    return goes;
  });
}

/** @param kept numbers of the packs that stay @param made packs that will be new */
export async function planIndex(
  catalog: PackCatalog,
  kept: readonly number[],
  made: readonly NewPack[],
  breather: Breather,
): Promise<IndexPlan> {
  const obsolete = obsoleteFiles(catalog, new Set(kept));
  const gone = new Set(obsolete);
  const covered = new Set(catalog.files.filter((file) => !gone.has(file)).flatMap((file) => file.packs));
  const written: NewIndexFile[] = [];
  let blobs = fullBlobs;
  const fileFor = (count: number): NewIndexFile => {
    if (blobs + count > fullBlobs) {
      written.push({ kept: [], made: [], sizeBytes: 0 });
      blobs = 0;
    }
    blobs += count;
    return written[written.length - 1] as NewIndexFile;
  };
  for (const number of kept) {
    if (covered.has(number)) continue;
    const { count } = catalog.packs[number] as CatalogPack;
    fileFor(count.data + count.tree).kept.push(number);
  }
  for (const [place, pack] of made.entries()) fileFor(pack.rows.length).made.push(place);
  for (const file of written) {
    const json = indexJson(catalog, file, made, placeholder);
    file.sizeBytes = promisedBytes(json, file.made.length);
    if (breather.isDue) await breather.take();
  }
  return { obsolete, written };
}

/** The text of a planned file. @param nameOf name of a new pack by its place */
export function indexJson(
  catalog: PackCatalog,
  file: NewIndexFile,
  made: readonly NewPack[],
  nameOf: (place: number) => string,
): Buffer {
  const packs: FinishedPack[] = file.kept.map((number) => describePack(catalog, catalog.packs[number] as CatalogPack));
  for (const place of file.made) packs.push(describeNewPack(catalog, made[place] as NewPack, nameOf(place)));
  return encodeIndex(packs);
}

/** As random as a name, and the same at each planning. */
function placeholder(place: number): string {
  return createHash('sha256').update(`pack ${place}`).digest('hex');
}
