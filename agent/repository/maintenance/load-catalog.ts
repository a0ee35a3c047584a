import { AppError, hasCode, messageOf } from '../../../shared/errors.ts';
import type { SealingKey } from '../cipher.ts';
import type { Storage, StoredFile } from '../storage/storage.ts';
import { TaskGroup } from '../task-group.ts';
import { readUnpacked } from '../unpacked.ts';
import { PackCatalog, tryAddFile } from './pack-catalog.ts';

const mostTogether = 64;
/** Stored; the JSON is about four times that. */
const bytesTogether = 4 * 1024 * 1024;

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
  for (const batch of batchesOf(files)) {
    const texts = await readBatch(storage, key, batch, options.signal);
    for (const [i, { name, sizeBytes }] of batch.entries()) {
      const text = texts[i] ?? '';
      const problem = typeof text === 'string' ? text : tryAddFile(catalog, name, sizeBytes, text);
      if (problem !== undefined) onDamaged(name, problem);
    }
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

/** Files whose content may stand in memory together. */
function* batchesOf(files: readonly StoredFile[]): Generator<StoredFile[]> {
  let batch: StoredFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length > 0 && (batch.length >= mostTogether || bytes + file.sizeBytes > bytesTogether)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(file);
    bytes += file.sizeBytes;
  }
  if (batch.length > 0) yield batch;
}

/** @returns the JSON of each file, or what is wrong with it */
async function readBatch(
  storage: Storage,
  key: SealingKey,
  files: readonly StoredFile[],
  signal: AbortSignal,
): Promise<(Buffer | string)[]> {
  const texts: (Buffer | string)[] = [];
  const reads = new TaskGroup(4 * storage.connections, signal);
  for (const [i, { name }] of files.entries()) {
    await reads.start(async () => {
      texts[i] = await readUnpacked(storage, key, 'index', name).catch((error: unknown) => {
        if (hasCode(error, 'repositoryDamaged')) return messageOf(error);
        throw error;
      });
    });
  }
  await reads.finish();
  return texts;
}
