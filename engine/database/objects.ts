import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { type InventoryObject, inventoryObjectSchema } from '../../shared/model/vm.ts';
import type { Database } from './open.ts';

export type ObjectRow = InventoryObject & { id: number; platformId: number; vanished: boolean };

const disksSchema = inventoryObjectSchema.shape.disks;
const stateSchema = inventoryObjectSchema.shape.state;
const agentSchema = inventoryObjectSchema.shape.guestAgent;

export async function listObjects(db: Database): Promise<ObjectRow[]> {
  const rows = await db.selectFrom('objects').selectAll().orderBy('name').orderBy('id').execute();
  return rows.map((row) => ({
    id: row.id,
    platformId: row.platform_id,
    uuid: row.uuid,
    name: row.name,
    state: stateSchema.parse(row.state),
    guestAgent: agentSchema.parse(row.guest_agent),
    disks: disksSchema.parse(JSON.parse(row.disks)),
    frozenSince: row.frozen_since,
    vanished: row.vanished === 1,
  }));
}

/** @throws AppError notFound */
export async function getObject(
  db: Database,
  id: number,
): Promise<{ id: number; uuid: string; name: string; platformId: number }> {
  const row = await db
    .selectFrom('objects')
    .select(['id', 'uuid', 'name', 'platform_id'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) throw new AppError('notFound', `VM ${id} does not exist`);
  return { id: row.id, uuid: row.uuid, name: row.name, platformId: row.platform_id };
}

export async function findObjectByUuid(db: Database, platformId: number, uuid: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('objects')
    .select('id')
    .where('platform_id', '=', platformId)
    .where('uuid', '=', uuid)
    .executeTakeFirst();
  return row?.id;
}

/**
 * Replaces the stored inventory of a platform. Objects that are no longer listed stay as vanished while rules or
 * backups refer to them, else they go.
 */
export async function saveInventory(
  db: Database,
  platformId: number,
  objects: readonly InventoryObject[],
): Promise<void> {
  const now = Date.now();
  await db.transaction().execute(async (transaction) => {
    for (const object of objects) {
      const values = {
        name: object.name,
        state: object.state,
        guest_agent: object.guestAgent,
        disks: JSON.stringify(object.disks),
        vanished: 0,
        frozen_since: object.frozenSince,
        seen_at: now,
      };
      await transaction
        .insertInto('objects')
        .values({ platform_id: platformId, uuid: object.uuid, ...values })
        .onConflict((conflict) => conflict.columns(['platform_id', 'uuid']).doUpdateSet(values))
        .execute();
    }
    const known = new Set(objects.map((object) => object.uuid));
    const stored = await transaction
      .selectFrom('objects')
      .select(['id', 'uuid'])
      .where('platform_id', '=', platformId)
      .execute();
    const gone = stored.filter((row) => !known.has(row.uuid)).map((row) => row.id);
    for (const id of gone) await dropOrMark(transaction, id);
  });
}

async function dropOrMark(db: Database, id: number): Promise<void> {
  const used = await db
    .selectFrom('objects')
    .select('id')
    .where('id', '=', id)
    .where((where) =>
      where.or([
        where.exists(where.selectFrom('rule_objects').select('object_id').where('object_id', '=', id)),
        where.exists(where.selectFrom('backups').select('id').where('object_id', '=', id)),
      ]),
    )
    .executeTakeFirst();
  if (used === undefined) await db.deleteFrom('objects').where('id', '=', id).execute();
  else await db.updateTable('objects').set({ vanished: 1, state: 'unknown' }).where('id', '=', id).execute();
}

const newestSchema = z.object({ object_id: z.number(), id: z.number() });

/** Number of the newest task of each VM. */
export async function newestTaskIds(db: Database): Promise<Map<number, number>> {
  const rows = await db
    .selectFrom('tasks')
    .select((s) => ['object_id', s.fn.max('id').as('id')])
    .where('object_id', 'is not', null)
    .groupBy('object_id')
    .execute();
  return new Map(rows.map((row) => newestSchema.parse(row)).map((row) => [row.object_id, row.id]));
}
