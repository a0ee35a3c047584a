import { AppError } from '../../shared/errors.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import { type ClientRow, listClients } from '../database/clients.ts';
import type { Database } from '../database/open.ts';
import { getPlatform } from '../database/platforms.ts';
import { getPool } from '../database/pools.ts';

export interface Wanted {
  poolId: number;
  platformId: number | null;
  /** Only this client may run it. */
  clientId: number | null;
}

export interface Executors {
  /** Clients that may run the task, whether online or not. */
  clients: ClientRow[];
  online: ClientRow[];
}

/**
 * Executor of a task = authorized ∩ reaches the platform ∩ reaches the pool (DESIGN §4).
 * @throws AppError noClientReachesBoth naming what is missing
 */
export async function findExecutors(db: Database, registry: AgentRegistry, wanted: Wanted): Promise<Executors> {
  const pool = await getPool(db, wanted.poolId);
  const platform = wanted.platformId === null ? undefined : await getPlatform(db, wanted.platformId);
  const all = await listClients(db);
  const clients = all.filter(
    (client) =>
      client.decision === 'authorized' &&
      pool.clientIds.includes(client.id) &&
      (platform === undefined || platform.clientIds.includes(client.id)) &&
      (wanted.clientId === null || wanted.clientId === client.id),
  );
  if (clients.length > 0) return { clients, online: clients.filter((client) => registry.isOnline(client.id)) };
  const names = (ids: readonly number[]) =>
    all
      .filter((client) => ids.includes(client.id))
      .map((client) => (client.decision === 'authorized' ? client.name : `${client.name} (${client.decision})`))
      .join(', ') || 'none';
  const chosen = all.find((client) => client.id === wanted.clientId);
  const facts = [
    ...(platform === undefined ? [] : [`platform "${platform.name}" is reached by: ${names(platform.clientIds)}`]),
    `pool "${pool.name}" is reached by: ${names(pool.clientIds)}`,
    ...(chosen === undefined ? [] : [`the task asks for client "${chosen.name}"`]),
  ];
  throw new AppError('noClientReachesBoth', `no authorized client can run this: ${facts.join('; ')}`);
}
