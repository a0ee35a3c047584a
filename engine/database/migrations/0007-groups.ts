import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/**
 * Groups of clients that share a repository; number 1 is for clients that share with nobody. Which repository a running
 * job works on, as its client may change groups meanwhile.
 */
export async function up<T>(db: Kysely<T>, idColumn: string): Promise<void> {
  for (const statement of statements(idColumn)) await sql.raw(statement).execute(db);
}

function statements(id: string): string[] {
  return [
    `create table client_groups (${id}, uuid text not null unique, name text not null unique, description text not null default '')`,
    `insert into client_groups (uuid, name) values ('00000000-0000-4000-8000-000000000001', 'No group')`,
    // SQLite takes no reference with a default here: the group's removal looks for its clients itself.
    'alter table clients add column group_id bigint not null default 1',
    'alter table repositories add column group_id bigint references client_groups (id)',
    'alter table tasks add column repository_id bigint references repositories (id) on delete set null',
  ];
}
