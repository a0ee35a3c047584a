import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { backupTypeSchema, type Quiesce, quiesceSchema } from '../../shared/model/job.ts';
import { type TransformCipher, transformCipherSchema } from '../../shared/model/transform.ts';
import { type Database, isUniqueViolation } from './open.ts';
import type { Tables } from './tables.ts';

const stateSchema = z.enum(['draft', 'run', 'stopped', 'expired']);

export interface RuleRow {
  id: number;
  uuid: string;
  name: string;
  state: z.output<typeof stateSchema>;
  type: z.output<typeof backupTypeSchema>;
  quiesce: Quiesce;
  transform: TransformCipher | null;
  platformId: number;
  poolId: number;
  clientId: number | null;
  zone: string;
  createdAt: number;
  objectIds: number[];
}

export async function listRules(db: Database): Promise<RuleRow[]> {
  const rows = await db.selectFrom('rules').selectAll().orderBy('name').execute();
  const members = await db.selectFrom('rule_objects').selectAll().orderBy('object_id').execute();
  return rows.map((row) => ({
    id: row.id,
    uuid: row.uuid,
    name: row.name,
    state: stateSchema.parse(row.state),
    type: backupTypeSchema.parse(row.type),
    quiesce: quiesceSchema.parse(JSON.parse(row.quiesce)),
    transform: transformCipherSchema.nullable().parse(row.transform),
    platformId: row.platform_id,
    poolId: row.pool_id,
    clientId: row.client_id,
    zone: row.zone,
    createdAt: row.created_at,
    objectIds: members.filter((member) => member.rule_id === row.id).map((member) => member.object_id),
  }));
}

/** @throws AppError notFound */
export async function getRule(db: Database, id: number): Promise<RuleRow> {
  const row = (await listRules(db)).find((rule) => rule.id === id);
  if (row === undefined) throw new AppError('notFound', `rule ${id} does not exist`);
  return row;
}

export interface RuleFields {
  name: string;
  type: z.output<typeof backupTypeSchema>;
  quiesce: Quiesce;
  transform: TransformCipher | null;
  platformId: number;
  poolId: number;
  clientId: number | null;
  objectIds: readonly number[];
}

/** Inserts a rule, or replaces the fields of one. @throws AppError nameTaken */
export async function saveRule(db: Database, fields: RuleFields, zone: string, id?: number): Promise<number> {
  const values = {
    name: fields.name,
    type: fields.type,
    quiesce: JSON.stringify(fields.quiesce),
    transform: fields.transform,
    platform_id: fields.platformId,
    pool_id: fields.poolId,
    client_id: fields.clientId,
  };
  try {
    return await db.transaction().execute(async (transaction) => {
      const ruleId = id ?? (await insertRule(transaction, values, zone));
      if (id !== undefined) await transaction.updateTable('rules').set(values).where('id', '=', id).execute();
      await transaction.deleteFrom('rule_objects').where('rule_id', '=', ruleId).execute();
      const members = fields.objectIds.map((objectId) => ({ rule_id: ruleId, object_id: objectId }));
      for (let from = 0; from < members.length; from += 500) {
        await transaction
          .insertInto('rule_objects')
          .values(members.slice(from, from + 500))
          .execute();
      }
      return ruleId;
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('nameTaken', `a rule named "${fields.name}" exists already`, { field: 'name' });
  }
}

type RuleValues = Pick<Tables['rules'], 'name' | 'type' | 'transform' | 'platform_id' | 'pool_id' | 'client_id'> & {
  quiesce: string;
};

async function insertRule(db: Database, values: RuleValues, zone: string): Promise<number> {
  const { id } = await db
    .insertInto('rules')
    .values({ ...values, uuid: randomUUID(), state: 'run', zone, created_at: Date.now() })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

export async function findRuleByUuid(db: Database, uuid: string): Promise<number | undefined> {
  const row = await db.selectFrom('rules').select('id').where('uuid', '=', uuid).executeTakeFirst();
  return row?.id;
}

export async function deleteRule(db: Database, id: number): Promise<void> {
  await db.deleteFrom('rules').where('id', '=', id).execute();
}
