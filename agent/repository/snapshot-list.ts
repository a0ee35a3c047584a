import { AppError, hasCode } from '../../shared/errors.ts';
import type { SealingKey } from './cipher.ts';
import { parseSnapshot, type Snapshot } from './snapshot-file.ts';
import { isFileName, type Storage, type StoredFile } from './storage/storage.ts';
import { readUnpacked } from './unpacked.ts';
import { readUnpackedFiles } from './unpacked-files.ts';

export interface SnapshotQuery {
  /** Tried first; a snapshot's id changes when restic rewrites its tags. */
  hintId?: string | undefined;
  /** The tag that the snapshot must carry. */
  tag: string;
}

/**
 * Every snapshot file, oldest first.
 * @param onDamaged called for files that cannot be read, so that one of them does not hide the others; throws otherwise
 * @throws AppError repositoryDamaged, storage errors
 */
export async function listSnapshots(
  storage: Storage,
  key: SealingKey,
  onDamaged?: (id: string, error: AppError) => void,
): Promise<Snapshot[]> {
  const files: StoredFile[] = [];
  for await (const file of storage.list('snapshot')) files.push(file);
  return readSnapshots(storage, key, files, onDamaged);
}

/** Like {@link listSnapshots}, of files that were listed a moment ago. */
export async function readSnapshots(
  storage: Storage,
  key: SealingKey,
  files: readonly StoredFile[],
  onDamaged?: (id: string, error: AppError) => void,
): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = [];
  const { signal } = new AbortController();
  for await (const { file, json } of readUnpackedFiles(storage, key, 'snapshot', files, signal)) {
    try {
      if (json instanceof AppError) throw json;
      snapshots.push(parseSnapshot(file.name, json));
    } catch (error) {
      // Removed between listing and reading.
      if (hasCode(error, 'notFound')) continue;
      if (onDamaged === undefined || !hasCode(error, 'repositoryDamaged')) throw error;
      onDamaged(file.name, error);
    }
  }
  return snapshots.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
}

/** @throws AppError repositoryDamaged, storage errors */
export async function findSnapshot(
  storage: Storage,
  key: SealingKey,
  query: SnapshotQuery,
): Promise<Snapshot | undefined> {
  if (query.hintId !== undefined && isFileName(query.hintId)) {
    const hinted = await readSnapshot(storage, key, query.hintId);
    if (hinted?.tags.includes(query.tag) === true) return hinted;
  }
  let damage: AppError | undefined;
  const all = await listSnapshots(storage, key, (_id, error) => {
    damage = error;
  });
  const found = all.findLast((snapshot) => snapshot.tags.includes(query.tag));
  // "There is none" would be a lie when the one that was meant cannot be read.
  if (found === undefined && damage !== undefined) throw damage;
  return found;
}

async function readSnapshot(storage: Storage, key: SealingKey, id: string): Promise<Snapshot | undefined> {
  try {
    return parseSnapshot(id, await readUnpacked(storage, key, 'snapshot', id));
  } catch (error) {
    // Removed since the hint was written down.
    if (hasCode(error, 'notFound')) return undefined;
    throw error;
  }
}
