import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Clients that the engine dials over SSH: where, and the pinned host key; the private key is among the secrets. */
export async function up<T>(db: Kysely<T>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `alter table clients add column transport text not null default 'websocket'`,
  'alter table clients add column ssh text',
];
