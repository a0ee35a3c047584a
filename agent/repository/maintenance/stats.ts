import { blobTypes } from '../blob-id.ts';
import type { ReaderParts } from '../blob-reader.ts';
import { headerEntryBytes } from '../pack-header.ts';
import { listSnapshots } from '../snapshot-list.ts';
import { loadCatalog } from './load-catalog.ts';
import type { PackCatalog } from './pack-catalog.ts';
import type { BlobSet } from './row-set.ts';
import { markUsed } from './tree-walk.ts';

export interface RepositoryStats {
  repositoryId: string;
  snapshots: number;
  packs: number;
  /** Different blobs. */
  blobs: number;
  /** Sizes of all files, locks left out. */
  storedBytes: number;
  /** What packs hold and no snapshot needs, orphaned packs included. */
  unusedBytes: number;
  /** What the index of this repository takes in this process. */
  indexMemoryBytes: number;
}

/**
 * What a repository holds. It reads the index and all trees. Hold a shared lock.
 * @throws AppError repositoryDamaged when snapshots, index or trees cannot be read; storage errors; cancelled
 */
export async function repositoryStats(
  parts: ReaderParts,
  repositoryId: string,
  options: { signal: AbortSignal },
): Promise<RepositoryStats> {
  const { storage, key } = parts;
  const catalog = await loadCatalog(storage, key, options);
  const snapshots = await listSnapshots(storage, key, () => undefined);
  const used = await markUsed(
    parts,
    catalog,
    snapshots.map((snapshot) => snapshot.treeId),
    // Numbers, not a check: what is missing is nobody's use of a pack.
    { ...options, onMissing: () => undefined, onDamagedTree: () => undefined, onNoContent: () => undefined },
  );
  let storedBytes = (await storage.readConfig())?.length ?? 0;
  for (const type of ['index', 'key', 'snapshot'] as const) {
    for await (const file of storage.list(type)) storedBytes += file.sizeBytes;
  }
  let packs = catalog.orphans.size;
  for (const bytes of catalog.orphans.values()) storedBytes += bytes;
  for (const pack of catalog.packs) {
    storedBytes += pack.listedBytes ?? 0;
    if (pack.listedBytes !== undefined) packs++;
  }
  return {
    repositoryId,
    snapshots: snapshots.length,
    packs,
    blobs: parts.index.blobCount,
    storedBytes,
    unusedBytes: unusedBytes(catalog, used),
    indexMemoryBytes: parts.index.memoryBytes,
  };
}

/** Exactly what the packs would shrink by if they held used blobs only. */
export function unusedBytes(catalog: PackCatalog, used: BlobSet): number {
  let bytes = 0;
  for (const size of catalog.orphans.values()) bytes += size;
  for (const pack of catalog.packs) {
    if (pack.listedBytes === undefined) continue;
    let needed = 0;
    let all = pack.listedBytes;
    for (const type of blobTypes) {
      for (const row of catalog.rowsOf(pack, type)) {
        const blob = catalog.tables[type].location(row);
        const size = blob.length + headerEntryBytes(blob.compressed);
        if (used[type].has(row)) needed += size;
        else all -= size;
      }
    }
    bytes += needed === 0 ? pack.listedBytes : pack.listedBytes - all;
  }
  return bytes;
}
