import { AppError } from '../../shared/errors.ts';
import type { EngineCore } from '../core.ts';
import { listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { getPool, type PoolRow } from '../database/pools.ts';
import { type RepositoryRow, repositoryOfClient } from '../database/repositories.ts';

/** What a request for a pool is about. */
export interface Chosen {
  pool: PoolRow;
  repositories: RepositoryRow[];
}

/**
 * The repositories of a pool that a request means: that of the client, without one all of them.
 * @throws AppError notFound; invalidValue when there is no repository per client
 */
export async function chosenRepositories(
  core: EngineCore,
  { pool: ref, client }: { pool: string; client?: string | undefined },
): Promise<Chosen> {
  const pool = await getPool(core.db, await findId(core.db, 'pools', ref, 'pool'));
  if (client === undefined) return { pool, repositories: pool.repositories };
  const clientId = await findId(core.db, 'clients', client, 'client');
  if (pool.repositoryPer === 'pool')
    throw new AppError('invalidValue', `pool "${pool.name}" has one repository for all of its clients`, {
      field: 'client',
    });
  return { pool, repositories: [repositoryOfClient(pool, clientId)] };
}

/** The same where only one will do. @throws AppError notFound; invalidValue when it does not say whose */
export async function chosenRepository(
  core: EngineCore,
  params: { pool: string; client?: string | undefined },
): Promise<{ pool: PoolRow; repository: RepositoryRow }> {
  const { pool, repositories } = await chosenRepositories(core, params);
  const [repository, other] = repositories;
  if (repository !== undefined && other === undefined) return { pool, repository };
  throw new AppError('invalidValue', `pool "${pool.name}" has a repository for each client: say whose`, {
    field: 'client',
  });
}

/** Names of the clients whose backups repositories hold, by the repository's number; null = those of all. */
export async function ownersOf(
  core: EngineCore,
  repositories: readonly RepositoryRow[],
): Promise<Map<number, string | null>> {
  const clients = await listClients(core.db);
  const nameOf = (id: number | null) => clients.find((client) => client.id === id)?.name ?? null;
  return new Map(repositories.map(({ id, clientId }) => [id, nameOf(clientId)]));
}
