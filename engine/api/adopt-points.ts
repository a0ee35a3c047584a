import type { EngineCore } from '../core.ts';
import { insertBackup, isBackupKnown } from '../database/backups.ts';
import { findObjectByUuid } from '../database/objects.ts';
import { listPlatforms } from '../database/platforms.ts';
import type { PoolRow } from '../database/pools.ts';
import type { RepositoryRow } from '../database/repositories.ts';
import { findRuleByUuid } from '../database/rules.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { peerOfRepository } from './repository-peer.ts';

/** A page of a hundred points means some hundred small reads. */
const pageMs = 5 * 60_000;

export interface Adopted {
  /** Points that became backups. */
  adopted: number;
  /** Points that were known. */
  known: number;
  /** Snapshots that call themselves ours and cannot be read. */
  damaged: number;
}

/** The same of several repositories, one after another. */
export async function adoptAll(
  core: EngineCore,
  pool: PoolRow,
  repositories: readonly RepositoryRow[],
): Promise<Adopted> {
  const sum: Adopted = { adopted: 0, known: 0, damaged: 0 };
  for (const repository of repositories) {
    const { adopted, known, damaged } = await adoptPoints(core, pool, repository);
    sum.adopted += adopted;
    sum.known += known;
    sum.damaged += damaged;
  }
  return sum;
}

/**
 * Makes backups of the points that a repository holds and this engine does not know: after the loss of its database, or
 * when another engine wrote them.
 * @throws AppError clientOffline, storage errors
 */
async function adoptPoints(core: EngineCore, pool: PoolRow, row: RepositoryRow): Promise<Adopted> {
  const repository = await repositoryTarget(core, row);
  const peer = await peerOfRepository(core, pool, row);
  const platforms = await listPlatforms(core.db);
  const result: Adopted = { adopted: 0, known: 0, damaged: 0 };
  for (let from: number | null = 0; from !== null; ) {
    const page: Awaited<ReturnType<typeof ask>> = await ask(from);
    for (const point of page.points) {
      if (await isBackupKnown(core.db, point.backupUuid)) {
        result.known++;
        continue;
      }
      const platformId = platforms.find(({ uuid }) => uuid === point.platformUuid)?.id ?? null;
      const objectId = platformId === null ? undefined : await findObjectByUuid(core.db, platformId, point.objectUuid);
      const ruleId = point.ruleUuid === null ? undefined : await findRuleByUuid(core.db, point.ruleUuid);
      const owners = { repositoryId: row.id, platformId, clientId: null, taskId: null };
      await insertBackup(core.db, point, { ...owners, objectId: objectId ?? null, ruleId: ruleId ?? null });
      result.adopted++;
    }
    result.damaged += page.damaged.length;
    from = page.next;
  }
  return result;

  function ask(from: number) {
    return peer.call('repositories.points', { repository, from }, { timeoutMs: pageMs });
  }
}
