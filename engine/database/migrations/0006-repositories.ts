import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Pools that hold a repository for each client: whose it is, and the path part below the pool's address where it lies. */
export async function up<T>(db: Kysely<T>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `alter table pools add column repository_per text not null default 'pool'`,
  'alter table repositories add column client_id bigint references clients (id) on delete set null',
  'alter table repositories add column place text',
  'create unique index repositories_place on repositories (pool_id, place)',
];
