import { AppError } from '../../shared/errors.ts';
import { placeBelow, type RepositoryPer, type StorageAddress } from '../../shared/model/storage.ts';
import type { Secret } from '../../shared/schema.ts';
import type { Database } from './open.ts';
import { saveSecret } from './secrets.ts';

/** Whose backups a repository holds; neither = those of all clients of the pool. */
export interface Owner {
  /** One client. */
  clientId: number | null;
  /** One client group. */
  groupId: number | null;
}

/** A repository of a pool. */
export interface RepositoryRow extends Owner {
  id: number;
  /** restic's ID of it. */
  resticId: string;
  /** Path part below the address of the pool; null = the pool's own place. */
  place: string | null;
  address: StorageAddress;
}

/** Every pool has one. */
export type RepositoryRows = [RepositoryRow, ...RepositoryRow[]];

/** What of a pool says who opens which of its repositories. */
interface Sharing {
  name: string;
  repositoryPer: RepositoryPer;
  repositories: RepositoryRows;
  clientIds: readonly number[];
  maintenanceClientId: number | null;
  /** The group of each client that is in one. */
  groups: ReadonlyMap<number, number>;
}

/** Owner of a repository's secrets. */
export function secretOwner(repositoryId: number): string {
  return `repository:${repositoryId}`;
}

/** Owner of the password that those of a pool's repositories are made of. */
export function poolSecretOwner(poolId: number): string {
  return `pool:${poolId}`;
}

/** A secret as it is stored. */
export interface SealedSecret {
  owner: string;
  name: 'password' | 'credential';
  sealed: string;
}

/** Makes the ciphertext of a secret for an owner. */
export type Seal = (secret: Secret, owner: string) => string;

export interface NewRepository extends Owner {
  place: string | null;
  resticId: string;
  password: Secret;
}

/** Adds one with what opens it. @returns its number */
export async function insertRepository(
  db: Database,
  poolId: number,
  { clientId, groupId, place, resticId, password }: NewRepository,
  { credential, seal }: { credential: Secret | null; seal: Seal },
): Promise<number> {
  const { id } = await db
    .insertInto('repositories')
    .values({
      pool_id: poolId,
      restic_id: resticId,
      created_at: Date.now(),
      client_id: clientId,
      group_id: groupId,
      place,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const owner = secretOwner(id);
  await saveSecret(db, owner, 'password', seal(password, owner));
  if (credential !== null) await saveSecret(db, owner, 'credential', seal(credential, owner));
  return id;
}

/** Repositories of all pools, oldest first, by the pool's number. */
export async function listRepositories(
  db: Database,
  addresses: ReadonlyMap<number, StorageAddress>,
): Promise<Map<number, RepositoryRow[]>> {
  const rows = await db.selectFrom('repositories').selectAll().orderBy('id').execute();
  const found = new Map<number, RepositoryRow[]>();
  for (const { id, pool_id, restic_id, client_id, group_id, place } of rows) {
    const address = addresses.get(pool_id);
    if (address === undefined) continue;
    const owner = { clientId: client_id, groupId: group_id };
    const row = { id, resticId: restic_id, ...owner, place, address: placeBelow(address, place) };
    found.set(pool_id, [...(found.get(pool_id) ?? []), row]);
  }
  return found;
}

/** Number of the repository that holds a backup. @throws AppError notFound */
export async function repositoryIdOf(db: Database, backupId: number): Promise<number> {
  const row = await db.selectFrom('backups').select('repository_id').where('id', '=', backupId).executeTakeFirst();
  if (row === undefined) throw new AppError('notFound', `backup ${backupId} does not exist`);
  return row.repository_id;
}

/** @throws AppError notFound */
export function repositoryById(pool: Sharing, id: number): RepositoryRow {
  const found = pool.repositories.find((repository) => repository.id === id);
  if (found === undefined) throw new AppError('notFound', `repository ${id} is not in pool "${pool.name}"`);
  return found;
}

/** Whose repository takes the backups of a client: the pool's, its group's, or its own. */
export function ownerOf({ repositoryPer, groups }: Pick<Sharing, 'repositoryPer' | 'groups'>, clientId: number): Owner {
  if (repositoryPer === 'pool') return { clientId: null, groupId: null };
  const groupId = repositoryPer === 'group' ? groups.get(clientId) : undefined;
  return groupId === undefined ? { clientId, groupId: null } : { clientId: null, groupId };
}

export function isSameOwner(one: Owner, other: Owner): boolean {
  return one.clientId === other.clientId && one.groupId === other.groupId;
}

/** Where the backups of a client go. @throws AppError notFound when there is none for it in this pool */
export function repositoryOfClient(pool: Sharing, clientId: number): RepositoryRow {
  const owner = ownerOf(pool, clientId);
  const found = pool.repositories.find((repository) => isSameOwner(repository, owner));
  if (found !== undefined) return found;
  const whose = owner.groupId === null ? `client ${clientId}` : `client group ${owner.groupId}`;
  throw new AppError('notFound', `${whose} has no repository in pool "${pool.name}"`, {
    hint: 'Edit the clients of the pool, or the group of the client, again: that makes what is missing.',
  });
}

/**
 * Clients that may open a repository: all of the pool; of one client's only this client, of a group's its members of
 * now, and the maintenance client first.
 */
export function openersOf(pool: Omit<Sharing, 'name' | 'repositories'>, { clientId, groupId }: Owner): number[] {
  if (pool.repositoryPer === 'pool') return [...pool.clientIds];
  const isOwner = (id: number) => id === clientId || (groupId !== null && pool.groups.get(id) === groupId);
  const isKeeper = (id: number) => id === pool.maintenanceClientId;
  return [...pool.clientIds.filter(isKeeper), ...pool.clientIds.filter((id) => isOwner(id) && !isKeeper(id))];
}
