import { hasCode, messageOf } from '../../../shared/errors.ts';
import { blobTypes } from '../blob-id.ts';
import type { ReaderParts } from '../blob-reader.ts';
import { throwIfAborted } from '../cancel.ts';
import { encodeIndex, type FinishedPack } from '../index-file.ts';
import { removeFiles } from '../storage/remove-files.ts';
import { TaskGroup } from '../task-group.ts';
import { sealUnpacked } from '../unpacked.ts';
import { fullBlobs } from './index-plan.ts';
import { listRepository, loadCatalog } from './load-catalog.ts';
import { describeRows } from './new-packs.ts';
import type { PackCatalog } from './pack-catalog.ts';
import { type HeaderBlob, readPackHeader } from './pack-tail.ts';

export interface RebuildOptions {
  signal: AbortSignal;
  onProgress?: (progress: { bytesDone: number; bytesTotal: number }) => void;
}

export interface RebuildResult {
  packs: number;
  blobs: number;
  indexFiles: number;
  /** Packs without a readable header. They stay; what the old index said of them is kept. */
  damaged: { pack: string; message: string }[];
}

/**
 * Makes the index anew from the headers of all packs. The old index files go when the new ones are durable. Of a pack whose
 * header is broken the old index's word is taken, so that its sound blobs stay readable. Only under an exclusive lock.
 * Memory: the entries of one index file, and the old index.
 * @throws storage errors, cancelled
 */
export async function rebuildIndex(parts: ReaderParts, options: RebuildOptions): Promise<RebuildResult> {
  const { signal } = options;
  const listing = await listRepository(parts.storage);
  const old = await loadCatalog(parts.storage, parts.key, { signal, listing, onDamaged: () => undefined });
  const writer = new IndexWriter(parts);
  const damaged: RebuildResult['damaged'] = [];
  const progress = { bytesDone: 0, bytesTotal: listing.data.reduce((sum, pack) => sum + pack.sizeBytes, 0) };
  const tasks = new TaskGroup(2 * parts.storage.connections, signal);
  try {
    for (const { name, sizeBytes } of listing.data) {
      await tasks.start(async () => {
        const blobs = await headerOf(parts, name, sizeBytes);
        if (typeof blobs === 'string') {
          damaged.push({ pack: name, message: blobs });
          await writer.add(name, blobsOfCatalog(old, name));
        } else await writer.add(name, blobs);
        progress.bytesDone += sizeBytes;
        options.onProgress?.({ ...progress });
      });
    }
  } finally {
    await tasks.settle();
  }
  await tasks.finish();
  await writer.flush();
  throwIfAborted(signal);
  await removeFiles(
    parts.storage,
    'index',
    listing.index.map((file) => file.name).filter((name) => !writer.names.includes(name)),
  );
  if (parts.index.blobCount > 0) await parts.index.load(signal);
  return { packs: writer.packs, blobs: writer.blobs, indexFiles: writer.names.length, damaged };
}

/** @returns the blobs, or what is wrong with the header */
async function headerOf(parts: ReaderParts, name: string, sizeBytes: number): Promise<HeaderBlob[] | string> {
  try {
    return await readPackHeader(parts.storage, parts.key, name, sizeBytes);
  } catch (error) {
    if (hasCode(error, 'repositoryDamaged')) return messageOf(error);
    throw error;
  }
}

/** What the old index says of a pack. */
function blobsOfCatalog(old: PackCatalog, name: string): HeaderBlob[] {
  const number = old.packNumber(name);
  const pack = number === undefined ? undefined : old.packs[number];
  if (pack === undefined) return [];
  return blobTypes.flatMap((type) =>
    describeRows(old, type, old.rowsOf(pack, type)).map((blob) => ({ ...blob, type })),
  );
}

class IndexWriter {
  readonly names: string[] = [];
  packs = 0;
  blobs = 0;
  readonly #parts: ReaderParts;
  #open: FinishedPack[] = [];
  #openBlobs = 0;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  async add(name: string, blobs: readonly HeaderBlob[]): Promise<void> {
    const [first] = blobs;
    if (first === undefined) return;
    this.#open.push({ name, type: first.type, blobs });
    this.#openBlobs += blobs.length;
    this.blobs += blobs.length;
    this.packs++;
    if (this.#openBlobs >= fullBlobs) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#open.length === 0) return;
    const file = sealUnpacked(this.#parts.key, encodeIndex(this.#open));
    [this.#open, this.#openBlobs] = [[], 0];
    await this.#parts.storage.write('index', file.name, [file.bytes]);
    this.names.push(file.name);
  }
}
