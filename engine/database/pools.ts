import { randomUUID } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { type WriteOptions, writeOptionsSchema } from '../../shared/model/job.ts';
import { locationOf, type StorageAddress, storageAddressSchema, type StorageKind } from '../../shared/model/storage.ts';
import type { Secret } from '../../shared/schema.ts';
import { type Database, isUniqueViolation } from './open.ts';
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
  /** Our number and restic's ID of its repository. */
  repository: { id: number; resticId: string };
  clientIds: number[];
  /** Runs maintenance when it may; null = any of its clients. */
  maintenanceClientId: number | null;
}

export async function listPools(db: Database): Promise<PoolRow[]> {
  const rows = await db
    .selectFrom('pools')
    .innerJoin('repositories', 'repositories.pool_id', 'pools.id')
    .select([
      'pools.id',
      'pools.uuid',
      'pools.name',
      'pools.path',
      'pools.created_at',
      'pools.free_bytes',
      'pools.total_bytes',
      'pools.write_options',
      'pools.kind',
      'pools.address',
      'pools.maintenance_client_id',
      'repositories.id as repository_id',
      'repositories.restic_id',
    ])
    .orderBy('pools.name')
    .execute();
  const links = await db.selectFrom('pool_clients').selectAll().orderBy('client_id').execute();
  return rows.map((row) => ({
    id: row.id,
    uuid: row.uuid,
    name: row.name,
    ...addressOf(row),
    path: row.path,
    createdAt: row.created_at,
    freeBytes: row.free_bytes,
    totalBytes: row.total_bytes,
    write: writeOptionsSchema.parse(JSON.parse(row.write_options)),
    repository: { id: row.repository_id, resticId: row.restic_id },
    maintenanceClientId: row.maintenance_client_id,
    clientIds: links.filter((link) => link.pool_id === row.id).map((link) => link.client_id),
  }));
}

function addressOf(row: { path: string; address: string | null }): Pick<PoolRow, 'kind' | 'address'> {
  const stored: unknown = row.address === null ? { kind: 'local', path: row.path } : JSON.parse(row.address);
  const address = storageAddressSchema.parse(stored);
  return { kind: address.kind, address };
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
  resticId: string;
  freeBytes: number | null;
  totalBytes: number | null;
  write: WriteOptions;
  maintenanceClientId: number | null;
}

/** Owner of a repository's secrets. */
export function secretOwner(repositoryId: number): string {
  return `repository:${repositoryId}`;
}

/** Secrets of a new pool: the repository's password, and what opens its storage. */
export interface PoolSecrets {
  password: Secret;
  credential: Secret | null;
}

/**
 * Pool, repository, clients and secrets in one transaction.
 * @param seal makes the ciphertext of a secret for an owner
 * @throws AppError nameTaken
 */
export async function insertPool(
  db: Database,
  pool: NewPool,
  { password, credential }: PoolSecrets,
  seal: (secret: Secret, owner: string) => string,
): Promise<number> {
  const now = Date.now();
  try {
    return await db.transaction().execute(async (transaction) => {
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
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      const links = pool.clientIds.map((clientId) => ({ pool_id: id, client_id: clientId }));
      await transaction.insertInto('pool_clients').values(links).execute();
      const repository = await transaction
        .insertInto('repositories')
        .values({ pool_id: id, restic_id: pool.resticId, created_at: now })
        .returning('id')
        .executeTakeFirstOrThrow();
      const owner = secretOwner(repository.id);
      await saveSecret(transaction, owner, 'password', seal(password, owner));
      if (credential !== null) await saveSecret(transaction, owner, 'credential', seal(credential, owner));
      return id;
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('nameTaken', `a pool named "${pool.name}" exists already`, { field: 'name' });
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

/** @param secrets sealed, by name @throws AppError nameTaken */
export async function updatePool(
  db: Database,
  pool: PoolRow,
  changes: PoolChanges,
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  const { name, write, clientIds, maintenanceClientId, address } = changes;
  const columns = {
    ...(name === undefined ? {} : { name }),
    ...(write === undefined ? {} : { write_options: JSON.stringify(write) }),
    ...(maintenanceClientId === undefined ? {} : { maintenance_client_id: maintenanceClientId }),
    ...(address === undefined ? {} : { address: JSON.stringify(address), path: locationOf(address) }),
  };
  try {
    await db.transaction().execute(async (transaction) => {
      if (Object.keys(columns).length > 0)
        await transaction.updateTable('pools').set(columns).where('id', '=', pool.id).execute();
      if (clientIds !== undefined) {
        await transaction.deleteFrom('pool_clients').where('pool_id', '=', pool.id).execute();
        const links = clientIds.map((clientId) => ({ pool_id: pool.id, client_id: clientId }));
        await transaction.insertInto('pool_clients').values(links).execute();
      }
      const owner = secretOwner(pool.repository.id);
      for (const [kind, sealed] of Object.entries(secrets)) await saveSecret(transaction, owner, kind, sealed);
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('nameTaken', `a pool named "${name ?? ''}" exists already`, { field: 'name' });
  }
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
    await deleteSecrets(transaction, secretOwner(pool.repository.id));
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
