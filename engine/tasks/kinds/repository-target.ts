import type { JobInput } from '../../../shared/model/job.ts';
import { AppError } from '../../../shared/errors.ts';
import { getPool, type PoolRow } from '../../database/pools.ts';
import { type RepositoryRow, repositoryById, repositoryOfClient, secretOwner } from '../../database/repositories.ts';
import { findSecret, getSecret } from '../../database/secrets.ts';
import type { TaskRow } from '../../database/task-row.ts';
import type { TaskDeps } from '../task-deps.ts';

/** The one repository as a job carries it: its place, its password, what opens its storage. */
export async function repositoryTarget(
  deps: Pick<TaskDeps, 'db' | 'vault'>,
  repository: Pick<RepositoryRow, 'id' | 'resticId' | 'address'>,
): Promise<JobInput['repository']> {
  const owner = secretOwner(repository.id);
  const password = deps.vault.open(await getSecret(deps.db, owner, 'password'), owner);
  const sealed = await findSecret(deps.db, owner, 'credential');
  const credential = sealed === undefined ? null : deps.vault.open(sealed, owner).reveal();
  const storage = repository.address.kind === 'local' ? repository.address : { ...repository.address, credential };
  return { storage, password: password.reveal(), repositoryId: repository.resticId };
}

/** Pool and repository of a task that this client runs. @throws AppError notFound when one of them is gone */
export async function placeOfTask(
  deps: Pick<TaskDeps, 'db'>,
  task: Pick<TaskRow, 'poolId' | 'spec' | 'repositoryId'>,
  clientId: number,
): Promise<{ pool: PoolRow; repository: RepositoryRow }> {
  if (task.poolId === null) throw new AppError('notFound', 'the pool of this task was removed');
  const pool = await getPool(deps.db, task.poolId);
  const repositoryId = task.repositoryId ?? task.spec.repositoryId;
  const repository =
    repositoryId === undefined ? repositoryOfClient(pool, clientId) : repositoryById(pool, repositoryId);
  return { pool, repository };
}
