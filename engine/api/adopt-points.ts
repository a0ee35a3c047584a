import type { Unanswered } from '../../shared/contract/engine/repositories.ts';
import type { EngineCore } from '../core.ts';
import { insertBackup, isBackupKnown } from '../database/backups.ts';
import { findObjectByUuid } from '../database/objects.ts';
import { listPlatforms } from '../database/platforms.ts';
import { findRuleByUuid } from '../database/rules.ts';
import { type Asked, askRepositories } from './ask-repositories.ts';
import type { Chosen } from './chosen-repositories.ts';

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

/** What was found, and which repositories could not be asked. */
export interface AdoptedAll extends Adopted {
  unanswered: Unanswered[];
}

/** For the log. */
export function wordsOf({ adopted, damaged, unanswered }: AdoptedAll): string {
  const silent = unanswered.map(({ place, error }) => `${place} could not be asked: ${error.message}`);
  return [`${adopted} points were taken over`, `${damaged} cannot be read`, ...silent].join(', ');
}

/** The same of several repositories, one after another. @throws AppError when none of them answers */
export async function adoptAll(core: EngineCore, chosen: Chosen, signal: AbortSignal): Promise<AdoptedAll> {
  const sum: Adopted = { adopted: 0, known: 0, damaged: 0 };
  const { unanswered } = await askRepositories(core, chosen, signal, (asked) => adoptPoints(core, asked, sum, signal));
  return { ...sum, unanswered };
}

/**
 * Makes backups of the points that a repository holds and this engine does not know: after the loss of its database, or
 * when another engine wrote them.
 * @param sum counts what was done, also before a failure
 * @throws AppError clientOffline, storage errors
 */
async function adoptPoints(
  core: EngineCore,
  { row, repository, peer }: Asked,
  sum: Adopted,
  signal: AbortSignal,
): Promise<void> {
  const platforms = await listPlatforms(core.db);
  for (let from: number | null = 0; from !== null; ) {
    const page: Awaited<ReturnType<typeof ask>> = await ask(from);
    for (const point of page.points) {
      if (await isBackupKnown(core.db, point.backupUuid)) {
        sum.known++;
        continue;
      }
      const platformId = platforms.find(({ uuid }) => uuid === point.platformUuid)?.id ?? null;
      const objectId = platformId === null ? undefined : await findObjectByUuid(core.db, platformId, point.objectUuid);
      const ruleId = point.ruleUuid === null ? undefined : await findRuleByUuid(core.db, point.ruleUuid);
      const owners = { repositoryId: row.id, platformId, clientId: null, taskId: null };
      await insertBackup(core.db, point, { ...owners, objectId: objectId ?? null, ruleId: ruleId ?? null });
      sum.adopted++;
    }
    sum.damaged += page.damaged.length;
    from = page.next;
  }

  function ask(from: number) {
    return peer.call('repositories.points', { repository, from }, { timeoutMs: pageMs, signal });
  }
}
