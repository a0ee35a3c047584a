import { AppError } from '../../shared/errors.ts';
import type { EngineCore } from '../core.ts';
import { listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { getGroup, listGroups } from '../database/groups.ts';
import { getPool, type PoolRow } from '../database/pools.ts';
import { isSameOwner, type Owner, type RepositoryRow } from '../database/repositories.ts';

/** What a request for a pool is about. */
export interface Chosen {
  pool: PoolRow;
  repositories: RepositoryRow[];
}

/** Which repositories of a pool a request means. */
interface Wanted {
  pool: string;
  client?: string | undefined;
  group?: string | undefined;
}

/**
 * The repositories of a pool that a request means: that of the client or of the client group, without both all of them.
 * @throws AppError notFound; invalidValue when the pool has only one, or when client and group are given
 */
export async function chosenRepositories(core: EngineCore, { pool: ref, client, group }: Wanted): Promise<Chosen> {
  const pool = await getPool(core.db, await findId(core.db, 'pools', ref, 'pool'));
  if (client === undefined && group === undefined) return { pool, repositories: pool.repositories };
  if (client !== undefined && group !== undefined)
    throw new AppError('invalidValue', 'name a client or a client group, not both', { field: 'group' });
  const field = client === undefined ? 'group' : 'client';
  const clientId = client === undefined ? null : await findId(core.db, 'clients', client, 'client');
  const groupId = group === undefined ? null : await findId(core.db, 'client_groups', group, 'group');
  if (pool.repositoryPer === 'pool')
    throw new AppError('invalidValue', `pool "${pool.name}" has one repository for all of its clients`, { field });
  const found = pool.repositories.find((repository) => isSameOwner(repository, { clientId, groupId }));
  if (found !== undefined) return { pool, repositories: [found] };
  throw new AppError('notFound', `${field} "${client ?? group ?? ''}" has no repository of its own in this pool`, {
    field,
    hint: await hintFor(core, pool, clientId),
  });
}

async function hintFor(core: EngineCore, pool: PoolRow, clientId: number | null): Promise<string | undefined> {
  const groupId = clientId === null ? undefined : pool.groups.get(clientId);
  if (pool.repositoryPer !== 'group' || groupId === undefined) return undefined;
  const { name } = await getGroup(core.db, groupId);
  return `It shares that of its client group: name the group "${name}" instead of the client.`;
}

/** The same where only one will do. @throws AppError notFound; invalidValue when it does not say whose */
export async function chosenRepository(
  core: EngineCore,
  params: Wanted,
): Promise<{ pool: PoolRow; repository: RepositoryRow }> {
  const { pool, repositories } = await chosenRepositories(core, params);
  const [repository, other] = repositories;
  if (repository !== undefined && other === undefined) return { pool, repository };
  const each = pool.repositoryPer === 'group' ? 'client group' : 'client';
  throw new AppError('invalidValue', `pool "${pool.name}" has a repository for each ${each}: say whose`, {
    field: pool.repositoryPer === 'group' ? 'group' : 'client',
  });
}

/** Names of whose backups a repository holds; both null = those of all clients. */
export interface OwnerNames {
  client: string | null;
  group: string | null;
}

interface Named {
  id: number;
  name: string;
}

export function namesOfOwner(
  { clientId, groupId }: Owner,
  { clients, groups }: { clients: readonly Named[]; groups: readonly Named[] },
): OwnerNames {
  const nameOf = (rows: readonly Named[], wanted: number | null) => rows.find(({ id }) => id === wanted)?.name ?? null;
  return { client: nameOf(clients, clientId), group: nameOf(groups, groupId) };
}

/** Whose backups each of the repositories holds. */
export async function withOwnerNames<T extends Owner>(
  core: EngineCore,
  repositories: readonly T[],
): Promise<Array<{ row: T; owner: OwnerNames }>> {
  const [clients, groups] = await Promise.all([listClients(core.db), listGroups(core.db)]);
  return repositories.map((row) => ({ row, owner: namesOfOwner(row, { clients, groups }) }));
}
