import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** How rules ask for consistency, how pools write, what backups reached, which guests stand frozen. */
export async function up<T>(db: Kysely<T>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `alter table rules add column quiesce text not null default '{}'`,
  `alter table pools add column write_options text not null default '{}'`,
  'alter table tasks add column consistency text',
  'alter table tasks add column frozen_ms bigint',
  'alter table backups add column frozen_ms bigint',
  'alter table objects add column frozen_since bigint',
  'create index backups_object_uuid on backups (repository_id, object_uuid, id)',
];
