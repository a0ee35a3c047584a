import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Who runs the maintenance of a pool; which protective transformation a rule asks for, and a point has. */
export async function up<T>(db: Kysely<T>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  'alter table pools add column maintenance_client_id bigint references clients (id) on delete set null',
  'alter table rules add column transform text',
  'alter table backups add column transform_key_id text',
];
