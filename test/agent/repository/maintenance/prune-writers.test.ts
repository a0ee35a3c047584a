import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LocalStorage } from '../../../../agent/repository/storage/local.ts';
import { hasCode } from '../../../../shared/errors.ts';
import { sha256 } from '../../../helpers/byte-sources.ts';
import { lacking } from '../../../helpers/needs.ts';
import {
  diskPath,
  existingRepository,
  finishOptions,
  newRepository,
  storeDisk,
  vmTree,
} from '../../../helpers/repositories.ts';
import { BufferSource } from '../../../helpers/byte-sources.ts';
import { hasRestic, Restic } from '../../../helpers/restic.ts';
import type { LockOptions, RepositoryLock } from '../../../../agent/repository/lock.ts';
import type { Repository } from '../../../../agent/repository/repository.ts';
import { changedDisk, MiB, signal } from './repositories.ts';

const rounds = Number(process.env['HOLDFAST_PRUNE_ROUNDS'] ?? 5);

/** Tries again until nobody is in the way; takes turns by chance, as jobs of different machines do. */
async function lockWith(repository: Repository, options: LockOptions): Promise<RepositoryLock> {
  for (;;) {
    try {
      return await repository.lock(options);
    } catch (error) {
      if (!hasCode(error, 'repositoryLocked')) throw error;
      await sleep(50 + Math.random() * 300);
    }
  }
}

async function writePoint(repository: Repository, disk: Buffer): Promise<string> {
  const lock = await lockWith(repository, { settleLater: true });
  try {
    const writer = repository.startSnapshot(lock, { signal });
    try {
      const { content } = await storeDisk(writer, new BufferSource(disk));
      return (await writer.finish(finishOptions(vmTree({ vda: content })))).snapshotId;
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } finally {
    await lock.release();
  }
}

/** Like {@link writePoint}, again when a lock that settled later was contradicted. */
async function writeAgain(repository: Repository, disk: Buffer): Promise<string> {
  for (;;) {
    try {
      return await writePoint(repository, disk);
    } catch (error) {
      if (!hasCode(error, 'repositoryLocked')) throw error;
      await sleep(Math.random() * 200);
    }
  }
}

async function pruneOnce(repository: Repository, forget: string | undefined): Promise<void> {
  const lock = await lockWith(repository, { exclusive: true });
  try {
    const maintenance = repository.maintenance(lock);
    if (forget !== undefined) await maintenance.forget([forget], { signal });
    await maintenance.prune(await maintenance.planPrune({ maxUnusedPercent: 0, signal }), { signal });
  } finally {
    await lock.release();
  }
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('writers beside a prune', () => {
  it('lose no blob', async () => {
    const restic = await Restic.at();
    await newRepository(new LocalStorage(restic.path));
    const open = () => existingRepository(new LocalStorage(restic.path));
    const writers = [await open(), await open(), await open()];
    const pruner = await open();
    const written: { id: string; hash: string }[] = [];
    for (let round = 0; round < rounds; round++) {
      const oldest = written.length > 4 ? written.shift() : undefined;
      const jobs = writers.map(async (writer, w) => {
        const disk = changedDisk(3 * MiB, round * 10 + w, [w, 5, 6 + (round % 5)]);
        written.push({ id: await writeAgain(writer, disk), hash: sha256(disk) });
      });
      await Promise.all([...jobs, pruneOnce(pruner, oldest?.id)]);
    }
    await pruneOnce(pruner, undefined);
    await restic.checkClean();
    for (const { id, hash } of written.slice(-6)) expect(await restic.dumpHash(id, diskPath())).toBe(hash);
  }, 120_000);
});
