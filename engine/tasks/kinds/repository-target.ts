import type { JobInput } from '../../../shared/model/job.ts';
import { AppError } from '../../../shared/errors.ts';
import { getPool, secretOwner } from '../../database/pools.ts';
import { findSecret, getSecret } from '../../database/secrets.ts';
import type { TaskDeps } from '../task-deps.ts';

/** Pool and password as a job carries them. @throws AppError notFound when the pool is gone */
export async function repositoryTarget(
  deps: Pick<TaskDeps, 'db' | 'vault'>,
  poolId: number | null,
): Promise<JobInput['repository']> {
  if (poolId === null) throw new AppError('notFound', 'the pool of this task was removed');
  const pool = await getPool(deps.db, poolId);
  const owner = secretOwner(pool.repository.id);
  const password = deps.vault.open(await getSecret(deps.db, owner, 'password'), owner);
  const sealed = await findSecret(deps.db, owner, 'credential');
  const credential = sealed === undefined ? null : deps.vault.open(sealed, owner).reveal();
  const storage = pool.address.kind === 'local' ? pool.address : { ...pool.address, credential };
  return { storage, password: password.reveal(), repositoryId: pool.repository.resticId };
}
