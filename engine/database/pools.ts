import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { type WriteOptions, writeOptionsSchema } from '../../shared/model/job.ts';
import {
  locationOf,
  type RepositoryPer,
  repositoryPers,
  type StorageAddress,
  storageAddressSchema,
  type StorageKind,
} from '../../shared/model/storage.ts';
import type { Secret } from '../../shared/schema.ts';
import { groupsOfClients } from './groups.ts';
import { type Database, isUniqueViolation } from './open.ts';
import {
  insertRepository,
  listRepositories,
  type NewRepository,
  poolSecretOwner,
  type RepositoryRows,
  type Seal,
  type SealedSecret,
  secretOwner,
} from './repositories.ts';
import { deleteSecrets, saveSecret } from './secrets.ts';

export interface PoolRow {
  id: number;
  uuid: string;
  name: string;
  kind: StorageKind;
  address: StorageAddress;
  /** The address in one line. */
  path: string;
  createdAt: number;
  freeBytes: number | null;
  totalBytes: number | null;
  write: WriteOptions;
  repositoryPer: RepositoryPer;
  repositories: RepositoryRows;
  clientIds: number[];
  /** The group of each client that is in one. */
  groups: ReadonlyMap<number, number>;
  /** Runs maintenance when it may; null = any of its clients. */
  maintenanceClientId: number | null;
}

const repositoryPerSchema = z.enum(repositoryPers);

export async function listPools(db: Database): Promise<PoolRow[]> {
  const rows = await db.selectFrom('pools').selectAll().orderBy('name').execute();
  const addresses = new Map(rows.map((row) => [row.id, addressOf(row)]));
  const repositories = await listRepositories(db, addresses);
  const links = await db.selectFrom('pool_clients').selectAll().orderBy('client_id').execute();
  const groups = await groupsOfClients(db);
  return rows.flatMap((row): PoolRow[] => {
    const [first, ...others] = repositories.get(row.id) ?? [];
    if (first === undefined) return [];
    const address = addressOf(row);
    const pool = {
      id: row.id,
      uuid: row.uuid,
      name: row.name,
      kind: address.kind,
      address,
      path: row.path,
      createdAt: row.created_at,
      freeBytes: row.free_bytes,
      totalBytes: row.total_bytes,
      write: writeOptionsSchema.parse(JSON.parse(row.write_options)),
      repositoryPer: repositoryPerSchema.parse(row.repository_per),
      maintenanceClientId: row.maintenance_client_id,
      clientIds: links.filter((link) => link.pool_id === row.id).map((link) => link.client_id),
      groups,
    };
    return [{ ...pool, repositories: [first, ...others] }];
  });
}

function addressOf(row: { path: string; address: string | null }): StorageAddress {
  const stored: unknown = row.address === null ? { kind: 'local', path: row.path } : JSON.parse(row.address);
  return storageAddressSchema.parse(stored);
}

/** @throws AppError notFound */
export async function getPool(db: Database, id: number): Promise<PoolRow> {
  const row = (await listPools(db)).find((pool) => pool.id === id);
  if (row === undefined) throw new AppError('notFound', `pool ${id} does not exist`);
  return row;
}

/** @throws AppError nameTaken */
export async function assertPoolNameFree(db: Database, name: string): Promise<void> {
  const row = await db.selectFrom('pools').select('id').where('name', '=', name).executeTakeFirst();
  if (row !== undefined) throw new AppError('nameTaken', `a pool named "${name}" exists already`, { field: 'name' });
}

export interface NewPool {
  name: string;
  address: StorageAddress;
  clientIds: readonly number[];
  repositoryPer: RepositoryPer;
  repositories: readonly NewRepository[];
  freeBytes: number | null;
  totalBytes: number | null;
  write: WriteOptions;
  maintenanceClientId: number | null;
}

/** Secrets of a new pool: its password, and what opens its storage. */
export interface PoolSecrets {
  password: Secret;
  credential: Secret | null;
}

/** Pool, repositories, clients and secrets in one transaction. @throws AppError nameTaken */
export async function insertPool(
  db: Database,
  pool: NewPool,
  { password, credential }: PoolSecrets,
  seal: Seal,
): Promise<number> {
  const now = Date.now();
  return orNameTaken(pool.name, () =>
    db.transaction().execute(async (transaction) => {
      const { id } = await transaction
        .insertInto('pools')
        .values({
          uuid: randomUUID(),
          name: pool.name,
          kind: pool.address.kind,
          path: locationOf(pool.address),
          address: JSON.stringify(pool.address),
          created_at: now,
          free_bytes: pool.freeBytes,
          total_bytes: pool.totalBytes,
          tested_at: now,
          write_options: JSON.stringify(pool.write),
          maintenance_client_id: pool.maintenanceClientId,
          repository_per: pool.repositoryPer,
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      const links = pool.clientIds.map((clientId) => ({ pool_id: id, client_id: clientId }));
      await transaction.insertInto('pool_clients').values(links).execute();
      for (const repository of pool.repositories)
        await insertRepository(transaction, id, repository, { credential, seal });
      // The repositories of later clients and groups are made with it.
      const owner = poolSecretOwner(id);
      if (pool.repositoryPer !== 'pool') await saveSecret(transaction, owner, 'password', seal(password, owner));
      return id;
    }),
  );
}

async function orNameTaken<T>(name: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('nameTaken', `a pool named "${name ?? ''}" exists already`, { field: 'name' });
  }
}

/** What of a pool may be changed; undefined = stays as it is. */
export interface PoolChanges {
  name: string | undefined;
  write: WriteOptions | undefined;
  clientIds: readonly number[] | undefined;
  maintenanceClientId: number | null | undefined;
  address: StorageAddress | undefined;
}

/** What goes with a change: secrets that are replaced, and the repositories of new clients. */
export interface PoolAdditions {
  secrets: readonly SealedSecret[];
  repositories: readonly NewRepository[];
  /** What opens the storage of the new repositories. */
  credential: Secret | null;
  seal: Seal;
}

/** @throws AppError nameTaken */
export async function updatePool(
  db: Database,
  pool: PoolRow,
  changes: PoolChanges,
  { secrets, repositories, credential, seal }: PoolAdditions,
): Promise<void> {
  const { name, write, clientIds, maintenanceClientId, address } = changes;
  const columns = {
    ...(name === undefined ? {} : { name }),
    ...(write === undefined ? {} : { write_options: JSON.stringify(write) }),
    ...(maintenanceClientId === undefined ? {} : { maintenance_client_id: maintenanceClientId }),
    ...(address === undefined ? {} : { address: JSON.stringify(address), path: locationOf(address) }),
  };
  await orNameTaken(name, () =>
    db.transaction().execute(async (transaction) => {
      if (Object.keys(columns).length > 0)
        await transaction.updateTable('pools').set(columns).where('id', '=', pool.id).execute();
      if (clientIds !== undefined) {
        await transaction.deleteFrom('pool_clients').where('pool_id', '=', pool.id).execute();
        const links = clientIds.map((clientId) => ({ pool_id: pool.id, client_id: clientId }));
        await transaction.insertInto('pool_clients').values(links).execute();
      }
      for (const { owner, name: kind, sealed } of secrets) await saveSecret(transaction, owner, kind, sealed);
      for (const repository of repositories)
        await insertRepository(transaction, pool.id, repository, { credential, seal });
    }),
  );
}

export async function saveCapacity(
  db: Database,
  id: number,
  freeBytes: number | null,
  totalBytes: number | null,
): Promise<void> {
  await db
    .updateTable('pools')
    .set({ free_bytes: freeBytes, total_bytes: totalBytes, tested_at: Date.now() })
    .where('id', '=', id)
    .execute();
}

/** @throws AppError inUse naming the rules */
export async function deletePool(db: Database, pool: PoolRow): Promise<void> {
  const rules = await db.selectFrom('rules').select('name').where('pool_id', '=', pool.id).execute();
  if (rules.length > 0) {
    throw new AppError('inUse', `the pool is used by ${rules.map((rule) => `"${rule.name}"`).join(', ')}`, {
      hint: 'Remove these rules first.',
    });
  }
  await db.transaction().execute(async (transaction) => {
    for (const { id } of pool.repositories) await deleteSecrets(transaction, secretOwner(id));
    await deleteSecrets(transaction, poolSecretOwner(pool.id));
    await transaction.deleteFrom('pools').where('id', '=', pool.id).execute();
  });
}

export interface PoolUsage {
  backupCount: number;
  objectCount: number;
  storedBytes: number;
}

/** What the backups of each pool add up to, by pool number. */
export async function poolUsage(db: Database): Promise<Map<number, PoolUsage>> {
  const rows = await db
    .selectFrom('backups')
    .innerJoin('repositories', 'repositories.id', 'backups.repository_id')
    .select((s) => [
      'repositories.pool_id',
      s.fn.countAll<number>().as('backups'),
      s.fn.count<number>('backups.object_uuid').distinct().as('objects'),
      s.fn.sum<number>('backups.stored_bytes').as('stored'),
    ])
    .groupBy('repositories.pool_id')
    .execute();
  return new Map(
    rows.map((row) => [
      row.pool_id,
      { backupCount: Number(row.backups), objectCount: Number(row.objects), storedBytes: Number(row.stored) },
    ]),
  );
}
