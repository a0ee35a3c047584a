import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** SQL that SQLite and PostgreSQL both take, but for the generated key, which `idColumn` gives. */
export async function up<T>(db: Kysely<T>, idColumn: string): Promise<void> {
  for (const statement of statements(idColumn)) await sql.raw(statement).execute(db);
}

function statements(id: string): string[] {
  return [...accessTables(id), ...inventoryTables(id), ...workTables(id), ...indexes];
}

function accessTables(id: string): string[] {
  return [
    'create table settings (key text primary key, value text not null)',
    `create table users (${id}, name text not null unique, role text not null, password_hash text not null, created_at bigint not null)`,
    `create table sessions (${id}, token_hash text not null unique, user_id bigint not null references users (id) on delete cascade, created_at bigint not null, expires_at bigint not null)`,
    `create table secrets (${id}, owner text not null, name text not null, sealed text not null, unique (owner, name))`,
    `create table clients (${id}, uuid text not null unique, hwid text not null unique, name text not null, description text not null default '',
      fingerprint text not null, sign_key text not null, decision text not null, contract integer not null, version text not null, system text not null,
      address text not null, local smallint not null default 0, first_seen_at bigint not null, last_seen_at bigint, decided_at bigint, decided_by text, last_error text)`,
    `create table logs (${id}, at bigint not null, level text not null, source text not null, code text, message text not null, user_name text, task_id bigint, client_id bigint)`,
  ];
}

function inventoryTables(id: string): string[] {
  return [
    `create table platforms (${id}, uuid text not null unique, name text not null unique, kind text not null, settings text not null, created_at bigint not null, inventory_at bigint, last_error text)`,
    `create table platform_clients (platform_id bigint not null references platforms (id) on delete cascade, client_id bigint not null references clients (id) on delete cascade, primary key (platform_id, client_id))`,
    `create table objects (${id}, platform_id bigint not null references platforms (id) on delete cascade, uuid text not null, name text not null, state text not null, guest_agent text not null,
      disks text not null, vanished smallint not null default 0, seen_at bigint not null, unique (platform_id, uuid))`,
    `create table pools (${id}, uuid text not null unique, name text not null unique, kind text not null, path text not null, created_at bigint not null, free_bytes bigint, total_bytes bigint, tested_at bigint)`,
    `create table pool_clients (pool_id bigint not null references pools (id) on delete cascade, client_id bigint not null references clients (id) on delete cascade, primary key (pool_id, client_id))`,
    `create table repositories (${id}, pool_id bigint not null references pools (id) on delete cascade, restic_id text not null, created_at bigint not null)`,
  ];
}

function workTables(id: string): string[] {
  return [
    `create table rules (${id}, uuid text not null unique, name text not null unique, state text not null, type text not null, platform_id bigint not null references platforms (id),
      pool_id bigint not null references pools (id), client_id bigint references clients (id) on delete set null, zone text not null, created_at bigint not null)`,
    `create table rule_objects (rule_id bigint not null references rules (id) on delete cascade, object_id bigint not null references objects (id) on delete cascade, primary key (rule_id, object_id))`,
    `create table tasks (${id}, uuid text not null unique, job_uuid text not null unique, kind text not null, mode text not null, state text not null, priority integer not null,
      client_id bigint references clients (id) on delete set null, wanted_client_id bigint references clients (id) on delete set null, object_id bigint references objects (id) on delete set null,
      platform_id bigint references platforms (id) on delete set null, rule_id bigint references rules (id) on delete set null, pool_id bigint references pools (id) on delete set null,
      backup_uuid text not null, spec text not null, started_by text not null, created_at bigint not null, started_at bigint, ended_at bigint, waiting_for text, attempt integer not null default 1,
      cancel_requested smallint not null default 0, unseen smallint not null default 0, step text, bytes_total bigint, bytes_done bigint not null default 0, bytes_read bigint not null default 0,
      bytes_stored bigint not null default 0, warnings text not null default '[]', error text, result text, steps text not null default '[]', disks text not null default '[]')`,
    `create table backups (${id}, uuid text not null unique, parent_uuid text, object_id bigint references objects (id) on delete set null, object_uuid text not null, object_name text not null,
      platform_id bigint references platforms (id) on delete set null, repository_id bigint not null references repositories (id) on delete cascade, rule_id bigint references rules (id) on delete set null,
      client_id bigint references clients (id) on delete set null, task_id bigint references tasks (id) on delete set null, type text not null, created_at bigint not null, zone text not null,
      size_bytes bigint not null, stored_bytes bigint not null, consistency text not null, transformation text, sign_key_id text, verification text not null, state text not null,
      snapshot_id text not null, manifest_digest text not null)`,
    `create table backup_disks (backup_id bigint not null references backups (id) on delete cascade, position integer not null, disk_id text not null, size_bytes bigint not null, digest text not null, primary key (backup_id, position))`,
  ];
}

const indexes = [
  'create index tasks_state on tasks (state)',
  'create index tasks_object on tasks (object_id, id)',
  'create index tasks_rule on tasks (rule_id, id)',
  'create index backups_object on backups (object_id, id)',
  'create index backups_repository on backups (repository_id, id)',
  'create index logs_task on logs (task_id)',
];
