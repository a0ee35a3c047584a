import { onTestFinished } from 'vitest';
import { type ContentForm, diskFileName } from '../../agent/repository/content-form.ts';
import type { ContentList } from '../../agent/repository/content-list.ts';
import { type Clock, type RepositoryLock, systemClock } from '../../agent/repository/lock.ts';
import { createRepository, openRepository, type Repository } from '../../agent/repository/repository.ts';
import type { ByteSource } from '../../agent/repository/byte-source.ts';
import { cellBytesFor } from '../../agent/repository/disk-cells.ts';
import type { PlanOptions } from '../../agent/repository/disk-plan.ts';
import type { WriteDiskOptions, WrittenDisk } from '../../agent/repository/disk-writer.ts';
import type { FinishedSnapshot, SnapshotWriter, WriterOptions } from '../../agent/repository/snapshot-writer.ts';
import type { Storage } from '../../agent/repository/storage/storage.ts';
import type { TreeFolder } from '../../agent/repository/tree-file.ts';
import { resticPassword, testKdf } from './repository-settings.ts';

export const vmUuid = '5b2ad0f2-7e1c-4f0a-9b57-3c9d1f0e8a11';
export const diskPath = (id = 'vda', form: ContentForm = 'raw') => `/vm/${vmUuid}/disks/${id}/${diskFileName[form]}`;

/** A new repository that is closed after the test. */
export async function newRepository(storage: Storage): Promise<Repository> {
  return closing(await createRepository(storage, resticPassword, { kdf: testKdf }));
}

/** An existing repository, opened anew and closed after the test. */
export async function existingRepository(storage: Storage): Promise<Repository> {
  return closing(await openRepository(storage, resticPassword));
}

function closing(repository: Repository): Repository {
  onTestFinished(() => repository.close());
  return repository;
}

/** Does not wait for others to settle: nobody else uses a test's repository at the same moment. */
const hastyClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => systemClock.sleep(ms <= 1000 ? 0 : ms, signal),
};

/** Runs `work` under a shared lock. */
export async function underLock<T>(repository: Repository, work: (lock: RepositoryLock) => Promise<T>): Promise<T> {
  const lock = await repository.lock({ clock: hastyClock });
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** Plans and stores a disk. */
export async function storeDisk(
  writer: SnapshotWriter,
  source: ByteSource,
  { onProgress, ...options }: Partial<PlanOptions> & WriteDiskOptions = {},
): Promise<WrittenDisk> {
  const plan = await writer.planDisk(source, { cellBytes: cellBytesFor(source.sizeBytes), ...options });
  return writer.writeDisk(source, plan, onProgress === undefined ? {} : { onProgress });
}

/** A tree with the given disks in the product's layout. */
export function vmTree(disks: Record<string, ContentList>, files: Record<string, ContentList> = {}): TreeFolder {
  const folders = Object.fromEntries(
    Object.entries(disks).map(([id, content]) => [id, { [diskFileName[content.form]]: content }]),
  );
  return { vm: { [vmUuid]: { ...files, disks: folders } } };
}

export function finishOptions(tree: TreeFolder, tags: readonly string[] = ['holdfast']) {
  return { tree, tags, paths: [`/vm/${vmUuid}`], hostname: 'host-a', time: Date.UTC(2026, 10, 21, 10, 30, 0, 500) };
}

/** Writes one snapshot under a lock of its own. */
export function backUp<T>(
  repository: Repository,
  work: (writer: SnapshotWriter) => Promise<T>,
  treeOf: (result: T) => TreeFolder,
  tags?: readonly string[],
  options: Partial<WriterOptions> = {},
): Promise<{ result: T; finished: FinishedSnapshot }> {
  return underLock(repository, async (lock) => {
    const writer = repository.startSnapshot(lock, { signal: AbortSignal.timeout(60_000), verify: 'all', ...options });
    const result = await work(writer);
    return { result, finished: await writer.finish(finishOptions(treeOf(result), tags)) };
  });
}
