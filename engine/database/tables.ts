import type { ColumnType, Generated } from 'kysely';

/** Column that is set once by the database. */
type Id = Generated<number>;
/** JSON as text; read and written through zod in the table's own file. */
type Json = string;
/** 0 or 1: SQLite has no boolean, PostgreSQL takes smallint. */
type Flag = ColumnType<number, number | undefined, number>;

export interface Tables {
  settings: { key: string; value: string };
  users: { id: Id; name: string; role: string; password_hash: string; created_at: number };
  sessions: { id: Id; token_hash: string; user_id: number; created_at: number; expires_at: number };
  secrets: { id: Id; owner: string; name: string; sealed: string };
  clients: {
    id: Id;
    uuid: string;
    hwid: string;
    name: string;
    description: string;
    fingerprint: string;
    sign_key: string;
    decision: string;
    contract: number;
    version: string;
    system: string;
    address: string;
    local: Flag;
    transport: ColumnType<string, string | undefined, string>;
    /** Address of an agent that is reached over SSH. */
    ssh: ColumnType<Json | null, Json | null | undefined, Json | null>;
    first_seen_at: number;
    last_seen_at: number | null;
    decided_at: number | null;
    decided_by: string | null;
    last_error: string | null;
    group_id: ColumnType<number, number | undefined, number>;
  };
  client_groups: { id: Id; uuid: string; name: string; description: string };
  platforms: {
    id: Id;
    uuid: string;
    name: string;
    kind: string;
    settings: Json;
    created_at: number;
    inventory_at: number | null;
    last_error: string | null;
  };
  platform_clients: { platform_id: number; client_id: number };
  objects: {
    id: Id;
    platform_id: number;
    uuid: string;
    name: string;
    state: string;
    guest_agent: string;
    disks: Json;
    vanished: Flag;
    seen_at: number;
    frozen_since: number | null;
  };
  pools: {
    id: Id;
    uuid: string;
    name: string;
    kind: string;
    path: string;
    created_at: number;
    free_bytes: number | null;
    total_bytes: number | null;
    tested_at: number | null;
    write_options: Generated<Json>;
    /** null in rows of the first version: a directory at `path`. */
    address: Json | null;
    maintenance_client_id: number | null;
    repository_per: ColumnType<string, string | undefined, never>;
  };
  pool_clients: { pool_id: number; client_id: number };
  repositories: {
    id: Id;
    pool_id: number;
    restic_id: string;
    created_at: number;
    /** The one client whose backups it holds. */
    client_id: number | null;
    /** The client group whose backups it holds; without client and group it holds those of all clients of the pool. */
    group_id: ColumnType<number | null, number | null | undefined, never>;
    /** Path part below the address of the pool; null = the pool's own place. */
    place: string | null;
  };
  rules: {
    id: Id;
    uuid: string;
    name: string;
    state: string;
    type: string;
    platform_id: number;
    pool_id: number;
    client_id: number | null;
    zone: string;
    created_at: number;
    quiesce: Generated<Json>;
    transform: string | null;
  };
  rule_objects: { rule_id: number; object_id: number };
  tasks: {
    id: Id;
    uuid: string;
    job_uuid: string;
    kind: string;
    mode: string;
    state: string;
    priority: number;
    client_id: number | null;
    wanted_client_id: number | null;
    object_id: number | null;
    platform_id: number | null;
    rule_id: number | null;
    pool_id: number | null;
    /** That of the running job. */
    repository_id: ColumnType<number | null, number | null | undefined, number | null>;
    backup_uuid: string;
    spec: Json;
    started_by: string;
    created_at: number;
    started_at: number | null;
    ended_at: number | null;
    waiting_for: string | null;
    attempt: Generated<number>;
    cancel_requested: Flag;
    unseen: Flag;
    step: string | null;
    bytes_total: number | null;
    bytes_done: Generated<number>;
    bytes_read: Generated<number>;
    bytes_stored: Generated<number>;
    warnings: Generated<Json>;
    error: Json | null;
    result: Json | null;
    steps: Generated<Json>;
    disks: Generated<Json>;
    consistency: string | null;
    frozen_ms: number | null;
  };
  backups: {
    id: Id;
    uuid: string;
    parent_uuid: string | null;
    object_id: number | null;
    object_uuid: string;
    object_name: string;
    platform_id: number | null;
    repository_id: number;
    rule_id: number | null;
    client_id: number | null;
    task_id: number | null;
    type: string;
    created_at: number;
    zone: string;
    size_bytes: number;
    stored_bytes: number;
    consistency: string;
    frozen_ms: number | null;
    transformation: string | null;
    transform_key_id: string | null;
    sign_key_id: string | null;
    verification: string;
    state: string;
    snapshot_id: string;
    manifest_digest: string;
    verified_at: number | null;
    verify_errors: Generated<Json>;
  };
  backup_disks: { backup_id: number; position: number; disk_id: string; size_bytes: number; digest: string };
  logs: {
    id: Id;
    at: number;
    level: string;
    source: string;
    code: string | null;
    message: string;
    user_name: string | null;
    task_id: number | null;
    client_id: number | null;
  };
}
