import { randomUUID } from 'node:crypto';
import type { repositoriesContract } from '../../shared/contract/engine/repositories.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import type { Operation, RepositoryStats } from '../../shared/model/maintenance.ts';
import type { EngineCore } from '../core.ts';
import { insertLog } from '../database/logs.ts';
import { findExecutors } from '../tasks/executors.ts';
import { adoptAll, wordsOf } from './adopt-points.ts';
import { askRepositories } from './ask-repositories.ts';
import { type Chosen, chosenRepositories } from './chosen-repositories.ts';
import { type ApiContext, userName } from './context.ts';
import { repositoryKeysApi } from './repository-keys.ts';

/** Walking every tree of a large repository takes its time. */
const statsMs = 10 * 60_000;
const locksMs = 60_000;

/**
 * Puts tasks of maintenance into the queue, one for each repository. Of several, those that nobody can run fail in their
 * own rows.
 * @throws AppError noClientReachesBoth when nobody can run the only one
 */
export async function addMaintenance(
  core: EngineCore,
  startedBy: string,
  { pool, repositories }: Chosen,
  operation: Operation,
): Promise<{ taskIds: number[] }> {
  const taskIds: number[] = [];
  for (const { id: repositoryId, clientId } of repositories) {
    const place = { poolId: pool.id, repositoryId };
    if (repositories.length === 1)
      await findExecutors(core.db, core.registry, { ...place, platformId: null, clientId: null });
    const task = await core.queue.add({
      kind: operation.kind,
      mode: operation.kind,
      priority: 0,
      wantedClientId: pool.maintenanceClientId ?? clientId,
      objectId: null,
      platformId: null,
      ruleId: null,
      poolId: pool.id,
      backupUuid: randomUUID(),
      spec: { operation, repositoryId },
      startedBy,
    });
    taskIds.push(task.id);
  }
  return { taskIds };
}

async function maintain(
  context: ApiContext,
  params: { pool: string; client?: string | undefined; group?: string | undefined },
  operation: Operation,
): Promise<{ taskIds: number[] }> {
  const chosen = await chosenRepositories(context.core, params);
  return addMaintenance(context.core, userName(context), chosen, operation);
}

type Figure = Exclude<keyof RepositoryStats, 'repositoryId'>;

/** Each repository's figures, and their sums. */
async function statsOf(core: EngineCore, chosen: Chosen, signal: AbortSignal) {
  const { answers: rows, unanswered } = await askRepositories(core, chosen, signal, async (asked) => {
    const { owner, place, repository, peer } = asked;
    const stats = await peer.call('repositories.stats', { repository }, { timeoutMs: statsMs, signal });
    return { ...owner, place, ...stats };
  });
  const sumOf = (name: Figure) => rows.reduce((sum, row) => sum + row[name], 0);
  const [first, other] = rows;
  return {
    repositoryId: other === undefined && unanswered.length === 0 ? (first?.repositoryId ?? null) : null,
    snapshots: sumOf('snapshots'),
    packs: sumOf('packs'),
    blobs: sumOf('blobs'),
    storedBytes: sumOf('storedBytes'),
    unusedBytes: sumOf('unusedBytes'),
    indexMemoryBytes: sumOf('indexMemoryBytes'),
    repositories: rows,
    unanswered,
  };
}

export const repositoriesApi: Handlers<typeof repositoriesContract, ApiContext> = {
  ...repositoryKeysApi,
  async 'repositories.stats'(params, { core }, { signal }) {
    return statsOf(core, await chosenRepositories(core, params), signal);
  },
  async 'repositories.check'({ readPercent, ...params }, context) {
    return maintain(context, params, { kind: 'check', readPercent });
  },
  async 'repositories.prune'({ dryRun, maxUnusedPercent, ...params }, context) {
    return maintain(context, params, { kind: 'prune', dryRun, maxUnusedPercent });
  },
  async 'repositories.rebuildIndex'(params, context) {
    return maintain(context, params, { kind: 'rebuildIndex' });
  },
  async 'repositories.adopt'(params, context, { signal }) {
    const { core } = context;
    const chosen = await chosenRepositories(core, params);
    const found = await adoptAll(core, chosen, signal);
    const message = `pool "${chosen.pool.name}": ${wordsOf(found)}`;
    await insertLog(core.db, { level: 'info', source: 'engine', message, user: userName(context) });
    for (const topic of ['backups', 'pools', 'logs'] as const) core.changes.announce(topic);
    return found;
  },
  async 'repositories.locks'({ removeStale, ...params }, { core }, { signal }) {
    const chosen = await chosenRepositories(core, params);
    const found = await askRepositories(core, chosen, signal, async ({ owner, repository, peer }) => {
      const wanted = { repository, removeStale };
      const { locks } = await peer.call('repositories.locks', wanted, { timeoutMs: locksMs, signal });
      return locks.map((lock) => ({ ...lock, ...owner }));
    });
    return { locks: found.answers.flat(), unanswered: found.unanswered };
  },
};
