import { repositoryTargetSchema } from '../../shared/model/job.ts';
import type { StorageTarget } from '../../shared/model/storage.ts';
import type { EngineCore } from '../core.ts';
import type { PoolRow } from '../database/pools.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';

/** The storage that a pool moves to; where no credential is given, with the one that opens its storage now. */
export async function withKeptCredential(
  core: EngineCore,
  pool: PoolRow,
  storage: StorageTarget,
): Promise<StorageTarget> {
  if (storage.kind === 'local' || storage.credential !== null) return storage;
  const known = repositoryTargetSchema.parse(await repositoryTarget(core, pool.repositories[0])).storage;
  // Of another kind it is refused later; a REST server without a user gets no login, whatever is stored.
  return known.kind === storage.kind ? { ...storage, credential: known.credential } : storage;
}
