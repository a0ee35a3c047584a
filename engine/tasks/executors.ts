import { AppError } from '../../shared/errors.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import { type ClientRow, listClients } from '../database/clients.ts';
import type { Database } from '../database/open.ts';
import { getPlatform } from '../database/platforms.ts';
import { getPool, type PoolRow } from '../database/pools.ts';
import { openersOf, repositoryById } from '../database/repositories.ts';

export interface Wanted {
  poolId: number;
  platformId: number | null;
  /** Only this client may run it. */
  clientId: number | null;
  /** The one it works on; undefined = that of the client that runs it. */
  repositoryId?: number | undefined;
}

export interface Executors {
  /** Clients that may run the task, whether online or not. */
  clients: ClientRow[];
  online: ClientRow[];
}

/**
 * Executor of a task = authorized ∩ reaches the platform ∩ opens the repository (DESIGN §4).
 * @throws AppError noClientReachesBoth naming what is missing; otherRepository when only that stands in the way
 */
export async function findExecutors(db: Database, registry: AgentRegistry, wanted: Wanted): Promise<Executors> {
  const pool = await getPool(db, wanted.poolId);
  const platform = wanted.platformId === null ? undefined : await getPlatform(db, wanted.platformId);
  const all = await listClients(db);
  const openers = openersFor(pool, wanted.repositoryId);
  const reachers = all.filter(
    (client) =>
      client.decision === 'authorized' &&
      pool.clientIds.includes(client.id) &&
      (platform === undefined || platform.clientIds.includes(client.id)) &&
      (wanted.clientId === null || wanted.clientId === client.id),
  );
  const clients = reachers.filter((client) => openers.includes(client.id));
  if (clients.length > 0) return { clients, online: clients.filter((client) => registry.isOnline(client.id)) };
  const chosen = all.find((client) => client.id === wanted.clientId);
  const facts = [
    ...(platform === undefined ? [] : [`platform "${platform.name}" is reached by: ${names(all, platform.clientIds)}`]),
    `pool "${pool.name}" is reached by: ${names(all, pool.clientIds)}`,
    ...ownersFact(pool, wanted.repositoryId, all),
    ...(chosen === undefined ? [] : [`the task asks for client "${chosen.name}"`]),
  ];
  const code = reachers.length > 0 ? 'otherRepository' : 'noClientReachesBoth';
  throw new AppError(code, `no authorized client can run this: ${facts.join('; ')}`);
}

function openersFor(pool: PoolRow, repositoryId: number | undefined): readonly number[] {
  return repositoryId === undefined ? pool.clientIds : openersOf(pool, repositoryById(pool, repositoryId));
}

function names(all: readonly ClientRow[], ids: readonly number[]): string {
  const found = all.filter((client) => ids.includes(client.id));
  const named = found.map(({ name, decision }) => (decision === 'authorized' ? name : `${name} (${decision})`));
  return named.join(', ') || 'none';
}

/** Why others of the pool may not: the repository of a client or group is opened by these and the maintenance client. */
function ownersFact(pool: PoolRow, repositoryId: number | undefined, all: readonly ClientRow[]): string[] {
  if (pool.repositoryPer === 'pool' || repositoryId === undefined) return [];
  const { clientId, groupId } = repositoryById(pool, repositoryId);
  const maintenance =
    pool.maintenanceClientId === null
      ? 'the pool has no maintenance client'
      : `the maintenance client of the pool is ${names(all, [pool.maintenanceClientId])}`;
  const members = pool.clientIds.filter((id) => pool.groups.get(id) === groupId);
  const owner =
    groupId === null
      ? `the client whose backups it holds (${names(all, clientId === null ? [] : [clientId])})`
      : `the client group whose backups it holds (${names(all, members)})`;
  return [`its repository is opened only by ${owner} and the maintenance client`, maintenance];
}
