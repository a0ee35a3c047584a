import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Pools beyond directories: the address as JSON; `path` stays as the address in one line. */
export async function up<T>(db: Kysely<T>): Promise<void> {
  await sql.raw('alter table pools add column address text').execute(db);
}
