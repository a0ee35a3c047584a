import type { RepositoryTarget } from '../../shared/model/job.ts';
import type { AgentContext } from './context.ts';

const mostLocks = 1000;

/** What a repository holds, counted under a shared lock. @throws AppError repositoryDamaged, storage errors, cancelled */
export async function repositoryStats({ repositories }: AgentContext, target: RepositoryTarget, signal: AbortSignal) {
  return repositories.use(target, async (repository) => {
    const lock = await repository.lock({ signal });
    try {
      return await repository.maintenance(lock).stats({ signal });
    } finally {
      await lock.release();
    }
  });
}

/** Locks of a repository, after the stale ones were removed if asked. @throws AppError storage errors */
export async function listLocks({ repositories }: AgentContext, target: RepositoryTarget, removeStale: boolean) {
  return repositories.use(target, async (repository) => {
    if (removeStale) await repository.locks.removeStale();
    const locks = (await repository.locks.judge()).slice(0, mostLocks).map(({ name, holder, stale }) => ({
      id: name,
      host: holder?.hostname.slice(0, 1000) ?? '',
      pid: holder?.pid ?? 0,
      exclusive: holder?.exclusive ?? false,
      createdAt: holder?.time ?? 0,
      stale,
    }));
    return { locks };
  });
}
