import type { RepositoryTarget } from '../../shared/model/job.ts';
import type { Secret } from '../../shared/schema.ts';
import type { AgentContext } from './context.ts';

const mostLocks = 1000;
const mostKeys = 1000;

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

/** The passwords of a repository. @throws AppError storage errors */
export async function listKeys({ repositories }: AgentContext, target: RepositoryTarget) {
  return repositories.use(target, async (repository) => {
    const keys = await repository.keys.list();
    return { keys: keys.slice(0, mostKeys).map((key) => ({ ...key, problem: key.problem ?? null })) };
  });
}

/** Adds one under a shared lock. @throws AppError invalidValue, storage errors */
export async function addKey({ repositories }: AgentContext, target: RepositoryTarget, password: Secret) {
  return repositories.use(target, async (repository) => {
    const lock = await repository.lock({ withoutIndex: true });
    try {
      return { id: await repository.keys.add(password.reveal()) };
    } finally {
      await lock.release();
    }
  });
}

/** Removes one under an exclusive lock. @throws AppError notFound, inUse, repositoryLocked, storage errors */
export async function removeKey({ repositories }: AgentContext, target: RepositoryTarget, key: string) {
  return repositories.use(target, async (repository) => {
    const lock = await repository.lock({ exclusive: true, withoutIndex: true });
    try {
      await repository.keys.remove(lock, key);
      return {};
    } finally {
      await lock.release();
    }
  });
}

/** A key file for paper, by default that of the password in use. @throws AppError notFound, storage errors */
export async function exportKey({ repositories }: AgentContext, target: RepositoryTarget, key: string | undefined) {
  return repositories.use(target, (repository) => repository.keys.export(key));
}
