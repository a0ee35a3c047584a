import { type AppError, hasCode } from '../../shared/errors.ts';
import type { SealingKey } from './cipher.ts';
import { parseSnapshot, type Snapshot } from './snapshot-file.ts';
import { isFileName, type Storage } from './storage/storage.ts';
import { TaskGroup } from './task-group.ts';
import { readUnpacked } from './unpacked.ts';

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
  const snapshots: Snapshot[] = [];
  const reads = new TaskGroup(4 * storage.connections, new AbortController().signal);
  for await (const { name } of storage.list('snapshot')) {
    await reads.start(async () => {
      try {
        const snapshot = await readSnapshot(storage, key, name);
        if (snapshot !== undefined) snapshots.push(snapshot);
      } catch (error) {
        if (onDamaged === undefined || !hasCode(error, 'repositoryDamaged')) throw error;
        onDamaged(name, error);
      }
    });
  }
  await reads.finish();
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
    // Removed between listing and reading, or since the hint was written down.
    if (hasCode(error, 'notFound')) return undefined;
    throw error;
  }
}
