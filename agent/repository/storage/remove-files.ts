import type { FileType, Storage } from './storage.ts';

/** Removes files, as many at a time as the storage likes. Those that are already gone are no error. @throws storage errors */
export async function removeFiles(storage: Storage, type: FileType, names: readonly string[]): Promise<void> {
  if (storage.removeAll !== undefined) return storage.removeAll(type, names);
  for (let at = 0; at < names.length; at += storage.connections) {
    const some = names.slice(at, at + storage.connections);
    const removed = await Promise.allSettled(some.map((name) => storage.remove(type, name)));
    for (const result of removed) if (result.status === 'rejected') throw result.reason;
  }
}
