import { AppError } from '../../shared/errors.ts';
import type { EngineCore } from '../core.ts';
import { getPool } from '../database/pools.ts';
import { findExecutors } from '../tasks/executors.ts';

/** The maintenance client of a pool, else the first that is online. @throws AppError clientOffline */
export async function peerOfPool(core: EngineCore, poolId: number) {
  const wanted = { poolId, platformId: null, clientId: null };
  const { clients, online } = await findExecutors(core.db, core.registry, wanted);
  const { maintenanceClientId } = await getPool(core.db, poolId);
  const client = online.find(({ id }) => id === maintenanceClientId) ?? online[0] ?? clients[0];
  if (client === undefined) throw new AppError('clientOffline', 'no client reaches this pool');
  return core.registry.get(client.id, client.name);
}
