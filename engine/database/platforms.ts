import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { type PlatformKind, platformKinds } from '../../shared/platforms/all.ts';
import { type Database, isUniqueViolation } from './open.ts';

export interface PlatformRow {
  id: number;
  uuid: string;
  name: string;
  kind: PlatformKind;
  settings: Record<string, unknown>;
  inventoryAt: number | null;
  lastError: string | null;
  clientIds: number[];
}

const kindSchema = z.enum(platformKinds);
const settingsSchema = z.record(z.string(), z.unknown());

export async function listPlatforms(db: Database): Promise<PlatformRow[]> {
  const rows = await db.selectFrom('platforms').selectAll().orderBy('name').execute();
  const links = await db.selectFrom('platform_clients').selectAll().orderBy('client_id').execute();
  return rows.map((row) => ({
    id: row.id,
    uuid: row.uuid,
    name: row.name,
    kind: kindSchema.parse(row.kind),
    settings: settingsSchema.parse(JSON.parse(row.settings)),
    inventoryAt: row.inventory_at,
    lastError: row.last_error,
    clientIds: links.filter((link) => link.platform_id === row.id).map((link) => link.client_id),
  }));
}

/** @throws AppError notFound */
export async function getPlatform(db: Database, id: number): Promise<PlatformRow> {
  const row = (await listPlatforms(db)).find((platform) => platform.id === id);
  if (row === undefined) throw new AppError('notFound', `platform ${id} does not exist`);
  return row;
}

export interface NewPlatform {
  name: string;
  kind: PlatformKind;
  settings: Record<string, unknown>;
  clientIds: readonly number[];
}

/** @throws AppError nameTaken */
export async function insertPlatform(db: Database, platform: NewPlatform): Promise<number> {
  try {
    return await db.transaction().execute(async (transaction) => {
      const { id } = await transaction
        .insertInto('platforms')
        .values({
          uuid: randomUUID(),
          name: platform.name,
          kind: platform.kind,
          settings: JSON.stringify(platform.settings),
          created_at: Date.now(),
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      const links = platform.clientIds.map((clientId) => ({ platform_id: id, client_id: clientId }));
      await transaction.insertInto('platform_clients').values(links).execute();
      return id;
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('nameTaken', `a platform named "${platform.name}" exists already`, { field: 'name' });
  }
}

export async function noteInventory(db: Database, id: number, lastError: string | null): Promise<void> {
  const at = lastError === null ? { inventory_at: Date.now() } : {};
  await db
    .updateTable('platforms')
    .set({ last_error: lastError, ...at })
    .where('id', '=', id)
    .execute();
}

/** @throws AppError inUse naming the rules */
export async function deletePlatform(db: Database, id: number): Promise<void> {
  const rules = await db.selectFrom('rules').select('name').where('platform_id', '=', id).execute();
  if (rules.length > 0) {
    throw new AppError('inUse', `the platform is used by ${rules.map((rule) => `"${rule.name}"`).join(', ')}`, {
      hint: 'Remove these rules first.',
    });
  }
  await db.deleteFrom('platforms').where('id', '=', id).execute();
}
