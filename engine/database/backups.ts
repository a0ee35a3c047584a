import { AppError } from '../../shared/errors.ts';
import type { BackupResult, PointHint } from '../../shared/model/job.ts';
import type { VerifyError } from '../../shared/model/maintenance.ts';
import { backupViewSchema, type BackupView } from '../../shared/contract/engine/backups.ts';
import type { Database } from './open.ts';

/** Where a backup belongs, resolved from its result. */
export interface BackupOwners {
  repositoryId: number;
  objectId: number | null;
  platformId: number | null;
  ruleId: number | null;
  clientId: number | null;
  taskId: number | null;
}

/** Makes the record of a restore point; a second report of the same UUID changes nothing. */
export async function insertBackup(db: Database, result: BackupResult, owners: BackupOwners): Promise<number> {
  const known = await db.selectFrom('backups').select('id').where('uuid', '=', result.backupUuid).executeTakeFirst();
  if (known !== undefined) return known.id;
  const { id } = await db
    .insertInto('backups')
    .values({
      uuid: result.backupUuid,
      parent_uuid: result.parentUuid,
      object_id: owners.objectId,
      object_uuid: result.objectUuid,
      object_name: result.objectName,
      platform_id: owners.platformId,
      repository_id: owners.repositoryId,
      rule_id: owners.ruleId,
      client_id: owners.clientId,
      task_id: owners.taskId,
      type: result.type,
      created_at: result.createdAt,
      zone: result.zone,
      size_bytes: result.sizeBytes,
      stored_bytes: result.storedBytes,
      consistency: result.consistency,
      frozen_ms: result.frozenMilliseconds,
      transformation: result.transform?.cipher ?? null,
      transform_key_id: result.transform?.keyId ?? null,
      sign_key_id: result.signKeyId,
      verification: 'notVerified',
      state: 'available',
      snapshot_id: result.snapshotId,
      manifest_digest: result.manifestDigest,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const disks = result.disks.map((disk, position) => ({
    backup_id: id,
    position,
    disk_id: disk.id,
    size_bytes: disk.sizeBytes,
    digest: disk.digest,
  }));
  if (disks.length > 0) await db.insertInto('backup_disks').values(disks).execute();
  return id;
}

/** Whether there is a record of it. */
export async function isBackupKnown(db: Database, uuid: string): Promise<boolean> {
  return (await db.selectFrom('backups').select('id').where('uuid', '=', uuid).executeTakeFirst()) !== undefined;
}

/** The newest points of a VM in a repository, newest first: where an agent looks for a base. */
export async function newestPoints(
  db: Database,
  repositoryId: number,
  objectUuid: string,
  limit: number,
): Promise<PointHint[]> {
  const rows = await db
    .selectFrom('backups')
    .select(['uuid', 'snapshot_id'])
    .where('repository_id', '=', repositoryId)
    .where('object_uuid', '=', objectUuid)
    .where('state', '=', 'available')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ backupUuid: row.uuid, snapshotId: row.snapshot_id }));
}

export async function markBackupMissing(db: Database, uuid: string): Promise<void> {
  await db.updateTable('backups').set({ state: 'missing' }).where('uuid', '=', uuid).execute();
}

/** What a verification found; its time is when it ended. */
export async function saveVerification(
  db: Database,
  uuid: string,
  { verification, errors }: { verification: 'trusted' | 'suspicious'; errors: readonly VerifyError[] },
): Promise<void> {
  await db
    .updateTable('backups')
    .set({ verification, verify_errors: JSON.stringify(errors), verified_at: Date.now() })
    .where('uuid', '=', uuid)
    .execute();
}

/** Records of points that were removed from their repository. */
export async function deleteBackups(db: Database, uuids: readonly string[]): Promise<void> {
  if (uuids.length > 0)
    await db
      .deleteFrom('backups')
      .where('uuid', 'in', [...uuids])
      .execute();
}

export interface BackupFilter {
  id?: number | undefined;
  objectId?: number | undefined;
  poolId?: number | undefined;
  ruleId?: number | undefined;
  since?: number | undefined;
  before?: number | undefined;
  limit: number;
  offset: number;
}

/** Newest first. */
export async function listBackups(db: Database, filter: BackupFilter): Promise<{ rows: BackupView[]; total: number }> {
  const matching = joined(db)
    .$if(filter.id !== undefined, (q) => q.where('backups.id', '=', filter.id ?? 0))
    .$if(filter.objectId !== undefined, (q) => q.where('backups.object_id', '=', filter.objectId ?? 0))
    .$if(filter.poolId !== undefined, (q) => q.where('pools.id', '=', filter.poolId ?? 0))
    .$if(filter.ruleId !== undefined, (q) => q.where('backups.rule_id', '=', filter.ruleId ?? 0))
    .$if(filter.since !== undefined, (q) => q.where('backups.created_at', '>=', filter.since ?? 0));
  const count = await matching.select((s) => s.fn.countAll<number>().as('n')).executeTakeFirstOrThrow();
  const rows = await matching
    .$if(filter.before !== undefined, (q) => q.where('backups.id', '<', filter.before ?? 0))
    .selectAll('backups')
    .select(['platforms.name as platform', 'pools.name as pool', 'pools.id as pool_id', 'rules.name as rule'])
    .select(['clients.name as client', 'parent.id as ref_id'])
    .orderBy('backups.id', 'desc')
    .limit(filter.limit)
    .offset(filter.offset)
    .execute();
  const disks = await disksOf(
    db,
    rows.map((row) => row.id),
  );
  return { total: Number(count.n), rows: rows.map((row) => viewOf(row, disks.get(row.id) ?? [])) };
}

/** @throws AppError notFound */
export async function getBackup(db: Database, id: number): Promise<BackupView> {
  const [row] = (await listBackups(db, { id, limit: 1, offset: 0 })).rows;
  if (row === undefined) throw new AppError('notFound', `backup ${id} does not exist`);
  return row;
}

/** Number of a backup by UUID; undefined when there is no record. */
export async function findBackupIds(db: Database, uuids: readonly string[]): Promise<Map<string, number>> {
  if (uuids.length === 0) return new Map();
  const rows = await db
    .selectFrom('backups')
    .select(['id', 'uuid'])
    .where('uuid', 'in', [...uuids])
    .execute();
  return new Map(rows.map((row) => [row.uuid, row.id]));
}

function joined(db: Database) {
  return db
    .selectFrom('backups')
    .innerJoin('repositories', 'repositories.id', 'backups.repository_id')
    .innerJoin('pools', 'pools.id', 'repositories.pool_id')
    .leftJoin('platforms', 'platforms.id', 'backups.platform_id')
    .leftJoin('rules', 'rules.id', 'backups.rule_id')
    .leftJoin('clients', 'clients.id', 'backups.client_id')
    .leftJoin('backups as parent', 'parent.uuid', 'backups.parent_uuid');
}

type Disks = BackupView['disks'];

async function disksOf(db: Database, ids: readonly number[]): Promise<Map<number, Disks>> {
  const result = new Map<number, Disks>();
  if (ids.length === 0) return result;
  const rows = await db
    .selectFrom('backup_disks')
    .selectAll()
    .where('backup_id', 'in', [...ids])
    .orderBy('position')
    .execute();
  for (const row of rows) {
    const list = result.get(row.backup_id) ?? [];
    list.push({ id: row.disk_id, sizeBytes: row.size_bytes, digest: row.digest });
    result.set(row.backup_id, list);
  }
  return result;
}

interface JoinedRow {
  id: number;
  uuid: string;
  ref_id: number | null;
  object_name: string;
  object_id: number | null;
  object_uuid: string;
  platform: string | null;
  platform_id: number | null;
  pool: string;
  pool_id: number;
  rule: string | null;
  client: string | null;
  type: string;
  created_at: number;
  zone: string;
  size_bytes: number;
  stored_bytes: number;
  consistency: string;
  transformation: string | null;
  transform_key_id: string | null;
  sign_key_id: string | null;
  verification: string;
  state: string;
  snapshot_id: string;
  verified_at: number | null;
  verify_errors: string;
}

function viewOf(row: JoinedRow, disks: Disks): BackupView {
  return backupViewSchema.parse({
    id: row.id,
    uuid: row.uuid,
    refId: row.ref_id,
    object: row.object_name,
    objectId: row.object_id,
    objectUuid: row.object_uuid,
    platform: row.platform,
    platformId: row.platform_id,
    pool: row.pool,
    poolId: row.pool_id,
    rule: row.rule,
    client: row.client,
    type: row.type,
    createdAt: row.created_at,
    zone: row.zone,
    sizeBytes: row.size_bytes,
    storedBytes: row.stored_bytes,
    consistency: row.consistency,
    transform: row.transformation,
    keyId: row.transform_key_id,
    signed: row.sign_key_id !== null,
    verification: row.verification,
    state: row.state,
    snapshotId: row.snapshot_id,
    verifiedAt: row.verified_at,
    verifyErrors: JSON.parse(row.verify_errors) as unknown,
    disks,
  });
}

/** Number and newest time of the backups of each VM, by object number. */
export async function backupCounts(db: Database): Promise<Map<number, { count: number; lastAt: number }>> {
  const rows = await db
    .selectFrom('backups')
    .select((s) => ['object_id', s.fn.countAll<number>().as('n'), s.fn.max('created_at').as('last')])
    .where('object_id', 'is not', null)
    .groupBy('object_id')
    .execute();
  return new Map(rows.map((row) => [row.object_id ?? 0, { count: Number(row.n), lastAt: Number(row.last) }]));
}
