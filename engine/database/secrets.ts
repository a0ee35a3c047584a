import { AppError } from '../../shared/errors.ts';
import type { Database } from './open.ts';

/** Stores a sealed secret of a record, e.g. owner `repository:3`, name `password`. */
export async function saveSecret(db: Database, owner: string, name: string, sealed: string): Promise<void> {
  await db
    .insertInto('secrets')
    .values({ owner, name, sealed })
    .onConflict((conflict) => conflict.columns(['owner', 'name']).doUpdateSet({ sealed }))
    .execute();
}

/** @throws AppError notFound */
export async function getSecret(db: Database, owner: string, name: string): Promise<string> {
  const row = await db
    .selectFrom('secrets')
    .select('sealed')
    .where('owner', '=', owner)
    .where('name', '=', name)
    .executeTakeFirst();
  if (row === undefined) throw new AppError('notFound', `${owner} has no stored ${name}`);
  return row.sealed;
}

export async function deleteSecrets(db: Database, owner: string): Promise<void> {
  await db.deleteFrom('secrets').where('owner', '=', owner).execute();
}
