import type { Unanswered } from '../../shared/contract/engine/repositories.ts';
import { AppError, toWireError } from '../../shared/errors.ts';
import type { JobInput } from '../../shared/model/job.ts';
import { locationOf } from '../../shared/model/storage.ts';
import type { EngineCore } from '../core.ts';
import type { RepositoryRow } from '../database/repositories.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { type Chosen, type OwnerNames, withOwnerNames } from './chosen-repositories.ts';
import { peerOfRepository } from './repository-peer.ts';

/** A repository of a pool and the client that answers for it. */
export interface Asked {
  row: RepositoryRow;
  owner: OwnerNames;
  place: string;
  repository: JobInput['repository'];
  peer: Awaited<ReturnType<typeof peerOfRepository>>;
}

/**
 * Asks about each repository, one after another. Of several, one whose client is offline or that does not open fails
 * alone, and is named in the answer.
 * @throws AppError what the only one failed with; of several that all failed the first's code, naming them all
 */
export async function askRepositories<T>(
  core: EngineCore,
  { pool, repositories }: Chosen,
  signal: AbortSignal,
  ask: (asked: Asked) => Promise<T>,
): Promise<{ answers: T[]; unanswered: Unanswered[] }> {
  const answers: T[] = [];
  const unanswered: Unanswered[] = [];
  for (const { row, owner } of await withOwnerNames(core, repositories)) {
    const about = { row, owner, place: locationOf(row.address) };
    try {
      const peer = await peerOfRepository(core, pool, row);
      answers.push(await ask({ ...about, repository: await repositoryTarget(core, row), peer }));
    } catch (error) {
      if (!(error instanceof AppError) || signal.aborted || repositories.length === 1) throw error;
      unanswered.push({ ...owner, place: about.place, error: toWireError(error) });
    }
  }
  const [first] = unanswered;
  if (answers.length === 0 && first !== undefined) throw noAnswer(pool.name, first, unanswered);
  return { answers, unanswered };
}

function noAnswer(pool: string, first: Unanswered, unanswered: readonly Unanswered[]): AppError {
  const each = unanswered.map(({ place, error }) => `${place}: ${error.message}`).join('; ');
  return new AppError(first.error.code, `no repository of pool "${pool}" answers: ${each}`, {
    hint: first.error.hint,
  });
}
