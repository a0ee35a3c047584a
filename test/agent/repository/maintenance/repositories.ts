import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type LockOptions, systemClock } from '../../../../agent/repository/lock.ts';
import type { Maintenance } from '../../../../agent/repository/maintenance/maintenance.ts';
import type { PrunePlan } from '../../../../agent/repository/maintenance/prune-plan.ts';
import type { Repository } from '../../../../agent/repository/repository.ts';
import { BufferSource, testBytes } from '../../../helpers/byte-sources.ts';
import { backUp, storeDisk, vmTree } from '../../../helpers/repositories.ts';

export const MiB = 1024 * 1024;
export const { signal } = new AbortController();

const hasty: Clock = {
  now: () => Date.now(),
  sleep: (ms, until) => systemClock.sleep(ms <= 1000 ? 0 : ms, until),
};

/** Runs `work` under a lock of its own. */
export async function maintain<T>(
  repository: Repository,
  work: (maintenance: Maintenance) => Promise<T>,
  options: LockOptions & { withoutIndex?: boolean } = {},
): Promise<T> {
  const lock = await repository.lock({ clock: hasty, ...options });
  try {
    return await work(repository.maintenance(lock));
  } finally {
    await lock.release();
  }
}

export function prune(repository: Repository, maxUnusedPercent = 0): Promise<PrunePlan> {
  return maintain(
    repository,
    async (maintenance) => {
      const plan = await maintenance.planPrune({ maxUnusedPercent, signal });
      return maintenance.prune(plan, { signal });
    },
    { exclusive: true, withoutIndex: true },
  );
}

/** A snapshot with one disk of the given bytes. @returns its id */
export async function storePoint(repository: Repository, bytes: Buffer): Promise<string> {
  const { finished } = await backUp(
    repository,
    (writer) => storeDisk(writer, new BufferSource(bytes)),
    (disk) => vmTree({ vda: disk.content }),
  );
  return finished.snapshotId;
}

/** A disk whose cells differ from that of other seeds only where told. */
export function changedDisk(sizeBytes: number, seed: number, cells: readonly number[]): Buffer {
  const bytes = testBytes(sizeBytes, 1);
  for (const cell of cells) testBytes(256 * 1024, 1000 * seed + cell).copy(bytes, cell * 256 * 1024);
  return bytes;
}

/** Sum of the sizes of all files below a folder. */
export async function sizeOfFiles(path: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
