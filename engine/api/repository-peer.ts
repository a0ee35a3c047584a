import { AppError } from '../../shared/errors.ts';
import type { EngineCore } from '../core.ts';
import type { PoolRow } from '../database/pools.ts';
import type { RepositoryRow } from '../database/repositories.ts';
import { findExecutors } from '../tasks/executors.ts';

/** The maintenance client of a pool, else the first of those that open the repository and are online. @throws AppError clientOffline */
export async function peerOfRepository(core: EngineCore, pool: PoolRow, repository: RepositoryRow) {
  const wanted = { poolId: pool.id, platformId: null, clientId: null, repositoryId: repository.id };
  const { clients, online } = await findExecutors(core.db, core.registry, wanted);
  const client = online.find(({ id }) => id === pool.maintenanceClientId) ?? online[0] ?? clients[0];
  if (client === undefined) throw new AppError('clientOffline', 'no client opens this repository');
  return core.registry.get(client.id, client.name);
}
