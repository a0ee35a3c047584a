import { AppError, hasCode } from '../../../shared/errors.ts';
import type { SealingKey } from '../cipher.ts';
import type { Storage, StoredFile } from '../storage/storage.ts';
import { readUnpackedFiles } from '../unpacked-files.ts';
import { PackCatalog, tryAddFile } from './pack-catalog.ts';

/** What is there, each list by name. */
export type Listing = Record<'index' | 'data' | 'snapshot', readonly StoredFile[]>;

export interface LoadOptions {
  signal: AbortSignal;
  /** What was listed a moment ago. */
  listing?: Listing;
  /** Called for index files that cannot be used; throws when left out. */
  onDamaged?: (name: string, message: string) => void;
}

/**
 * Reads all index files and lists all packs. Files come in the order of their names, so that two loads of the same
 * repository number everything alike.
 * @throws AppError repositoryDamaged, storage errors, cancelled
 */
export async function loadCatalog(storage: Storage, key: SealingKey, options: LoadOptions): Promise<PackCatalog> {
  const catalog = new PackCatalog();
  const onDamaged =
    options.onDamaged ??
    ((_name: string, message: string) => {
      throw new AppError('repositoryDamaged', message, { hint: 'Rebuild the index of the repository.' });
    });
  const files = options.listing?.index ?? (await listSorted(storage, 'index'));
  for await (const { file, json } of readUnpackedFiles(storage, key, 'index', files, options.signal)) {
    if (hasCode(json, 'notFound')) throw json;
    const problem = json instanceof AppError ? json.message : tryAddFile(catalog, file.name, file.sizeBytes, json);
    if (problem !== undefined) onDamaged(file.name, problem);
  }
  const packs = options.listing?.data ?? storage.list('data');
  for await (const { name, sizeBytes } of packs) catalog.addListed(name, sizeBytes);
  catalog.finish();
  return catalog;
}

/** Lists what a repository consists of. @throws storage errors */
export async function listRepository(storage: Storage): Promise<Listing> {
  const index = await listSorted(storage, 'index');
  const snapshot = await listSorted(storage, 'snapshot');
  return { index, snapshot, data: await listSorted(storage, 'data') };
}

async function listSorted(storage: Storage, type: 'index' | 'data' | 'snapshot'): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for await (const file of storage.list(type)) files.push(file);
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}
