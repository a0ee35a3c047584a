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
  const sealed = await findSecret(db, owner, name);
  if (sealed === undefined) throw new AppError('notFound', `${owner} has no stored ${name}`);
  return sealed;
}

/** undefined when there is none. */
export async function findSecret(db: Database, owner: string, name: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('secrets')
    .select('sealed')
    .where('owner', '=', owner)
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.sealed;
}

export async function deleteSecrets(db: Database, owner: string): Promise<void> {
  await db.deleteFrom('secrets').where('owner', '=', owner).execute();
}
