import { randomUUID } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { noGroupId } from '../../shared/model/group.ts';
import { type Database, isUniqueViolation } from './open.ts';
import { insertRepository, type NewRepository, type Seal } from './repositories.ts';
import type { Secret } from '../../shared/schema.ts';

export interface GroupRow {
  id: number;
  uuid: string;
  name: string;
  description: string;
}

/** By name, "No group" first. */
export async function listGroups(db: Database): Promise<GroupRow[]> {
  const rows = await db.selectFrom('client_groups').selectAll().orderBy('name').execute();
  return rows.toSorted((a, b) => Number(b.id === noGroupId) - Number(a.id === noGroupId));
}

/** @throws AppError notFound */
export async function getGroup(db: Database, id: number): Promise<GroupRow> {
  const row = await db.selectFrom('client_groups').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new AppError('notFound', `client group ${id} does not exist`, { field: 'group' });
  return row;
}

/** The group of each client that is in one; "No group" is none. */
export async function groupsOfClients(db: Database): Promise<Map<number, number>> {
  const rows = await db.selectFrom('clients').select(['id', 'group_id']).where('group_id', '!=', noGroupId).execute();
  return new Map(rows.map((row) => [row.id, row.group_id]));
}

/** @param uuid of a group that another engine had @throws AppError nameTaken */
export async function insertGroup(
  db: Database,
  { name, description, uuid }: { name: string; description: string; uuid: string | undefined },
): Promise<number> {
  const values = { uuid: uuid?.toLowerCase() ?? randomUUID(), name, description };
  const taken = await db.selectFrom('client_groups').select('name').where('uuid', '=', values.uuid).executeTakeFirst();
  if (taken !== undefined)
    throw new AppError('invalidValue', `client group "${taken.name}" has this UUID already`, { field: 'uuid' });
  return orNameTaken(name, async () => {
    const query = db.insertInto('client_groups').values(values).returning('id');
    return (await query.executeTakeFirstOrThrow()).id;
  });
}

/** @throws AppError nameTaken; invalidValue when "No group" would be renamed */
export async function updateGroup(
  db: Database,
  id: number,
  { name, description }: { name: string | undefined; description: string | undefined },
): Promise<void> {
  if (id === noGroupId && name !== undefined)
    throw new AppError('invalidValue', '"No group" keeps its name', { field: 'name' });
  const columns = { ...(name !== undefined && { name }), ...(description !== undefined && { description }) };
  if (Object.keys(columns).length === 0) return;
  await orNameTaken(name ?? '', () => db.updateTable('client_groups').set(columns).where('id', '=', id).execute());
}

async function orNameTaken<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('nameTaken', `a client group named "${name}" exists already`, { field: 'name' });
  }
}

/** Clients that are not authorized do not hold a group. @throws AppError inUse naming its clients, or the pools with a repository of it */
export async function deleteGroup(db: Database, { id, name }: GroupRow): Promise<void> {
  if (id === noGroupId) throw new AppError('invalidValue', '"No group" is always there', { field: 'group' });
  await db.transaction().execute(async (transaction) => {
    const clients = await transaction
      .selectFrom('clients')
      .select('name')
      .where('group_id', '=', id)
      .where('decision', '=', 'authorized')
      .orderBy('name')
      .execute();
    if (clients.length > 0)
      throw new AppError('inUse', `client group "${name}" has these clients: ${namesOf(clients)}`, {
        hint: 'Give them another group first.',
      });
    const pools = await transaction
      .selectFrom('repositories')
      .innerJoin('pools', 'pools.id', 'repositories.pool_id')
      .select('pools.name')
      .where('repositories.group_id', '=', id)
      .orderBy('pools.name')
      .execute();
    if (pools.length > 0)
      throw new AppError('inUse', `client group "${name}" has a repository in these pools: ${namesOf(pools)}`, {
        hint: 'Its points would belong to nobody. Remove these pools first, or keep the group.',
      });
    await transaction.updateTable('clients').set({ group_id: noGroupId }).where('group_id', '=', id).execute();
    await transaction.deleteFrom('client_groups').where('id', '=', id).execute();
  });
}

function namesOf(rows: ReadonlyArray<{ name: string }>): string {
  return rows.map(({ name }) => `"${name}"`).join(', ');
}

/** Repositories that a pool gets because a client changes its group. */
export interface GroupAddition {
  poolId: number;
  repositories: readonly NewRepository[];
  /** What opens their storage. */
  credential: Secret | null;
}

/** The client's group and the repositories that it needs there, in one transaction. @throws AppError notFound */
export async function moveToGroup(
  db: Database,
  clientId: number,
  groupId: number,
  { additions, seal }: { additions: readonly GroupAddition[]; seal: Seal },
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await getGroup(transaction, groupId);
    await transaction.updateTable('clients').set({ group_id: groupId }).where('id', '=', clientId).execute();
    for (const { poolId, repositories, credential } of additions)
      for (const repository of repositories)
        if (!(await isThere(transaction, poolId, repository)))
          await insertRepository(transaction, poolId, repository, { credential, seal });
  });
}

/** Another client of the group, moved at the same time, has made it: place and password are the same. */
async function isThere(db: Database, poolId: number, { place }: NewRepository): Promise<boolean> {
  const query = db.selectFrom('repositories').select('id').where('pool_id', '=', poolId).where('place', '=', place);
  return (await query.executeTakeFirst()) !== undefined;
}
