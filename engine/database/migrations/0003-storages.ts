import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Pools beyond directories: the address as JSON, `path` stays as the address in one line. What a verification found. */
export async function up<T>(db: Kysely<T>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  'alter table pools add column address text',
  'alter table backups add column verified_at bigint',
  `alter table backups add column verify_errors text not null default '[]'`,
];
