import { AppError } from '../../shared/errors.ts';
import type { BackupResult, JobResult } from '../../shared/model/job.ts';
import type { MaintenanceResult } from '../../shared/model/maintenance.ts';
import { isEnded } from '../../shared/model/task.ts';
import {
  type BackupOwners,
  deleteBackups,
  insertBackup,
  markBackupMissing,
  saveVerification,
} from '../database/backups.ts';
import { insertLog } from '../database/logs.ts';
import { findObjectByUuid } from '../database/objects.ts';
import type { Database } from '../database/open.ts';
import { listPlatforms } from '../database/platforms.ts';
import { listPools } from '../database/pools.ts';
import { isSameOwner, ownerOf } from '../database/repositories.ts';
import { findRuleByUuid } from '../database/rules.ts';
import type { TaskRow } from '../database/task-row.ts';
import { findTaskByJob, moveTask } from '../database/tasks.ts';
import { endSteps } from './steps.ts';

/**
 * Commits a job's end in one transaction, record and task together; a second report of the same job changes nothing
 * (DETAILS 8). A finished backup that the engine does not know is imported as a point (DETAILS 9).
 * @returns the task that ended, if the engine has one
 * @throws AppError noRight when the job belongs to another client, invalidValue when the result contradicts itself
 */
export async function commitResult(db: Database, clientId: number, result: JobResult): Promise<TaskRow | undefined> {
  return db.transaction().execute(async (transaction) => {
    const task = await findTaskByJob(transaction, result.jobUuid);
    if (task !== undefined && task.clientId !== clientId) {
      throw new AppError('noRight', `job ${result.jobUuid} belongs to another client`);
    }
    refuseContradiction(task, result);
    if (result.backup !== null) await keepPoint(transaction, clientId, result.backup, task);
    if (task === undefined) return undefined;
    if (result.maintenance !== null) await keepFindings(transaction, task, result.maintenance);
    if (result.error?.code === 'backupMissing') await markBackupMissing(transaction, task.backupUuid);
    if (!isEnded(task.state)) await endTask(transaction, task, result);
    return task;
  });
}

/** An agent's messages are parsed as hostile (DESIGN §11). @throws AppError invalidValue */
function refuseContradiction(task: TaskRow | undefined, result: JobResult): void {
  const good = result.outcome === 'done' || result.outcome === 'warning';
  const made = result[result.kind] !== null;
  const wanted = task === undefined || task.kind === 'backup' || task.kind === 'restore' ? task?.kind : 'maintenance';
  if (task !== undefined && wanted !== result.kind) {
    throw new AppError('invalidValue', `job ${result.jobUuid} is a ${task.kind}, its result says ${result.kind}`);
  }
  if (task !== undefined && result.maintenance !== null && result.maintenance.kind !== task.kind)
    throw new AppError('invalidValue', `job ${result.jobUuid} was to ${task.kind}, it did ${result.maintenance.kind}`);
  if (good !== made)
    throw new AppError(
      'invalidValue',
      `the result of job ${result.jobUuid} says ${result.outcome} ${made ? 'with' : 'without'} a product`,
    );
}

/** What maintenance says of points; only of those that the task named (an agent's messages are parsed as hostile). */
async function keepFindings(db: Database, task: TaskRow, found: MaintenanceResult): Promise<void> {
  const { operation } = task.spec;
  const named = operation?.kind === 'verify' || operation?.kind === 'delete' ? operation.points : [];
  const isNamed = (uuid: string) => named.some(({ backupUuid }) => backupUuid === uuid);
  if (found.kind === 'verify') {
    for (const point of found.points)
      if (isNamed(point.backupUuid)) await saveVerification(db, point.backupUuid, point);
  }
  if (found.kind === 'delete') await deleteBackups(db, found.deleted.filter(isNamed));
}

async function keepPoint(
  db: Database,
  clientId: number,
  backup: BackupResult,
  task: TaskRow | undefined,
): Promise<void> {
  if (task !== undefined && task.backupUuid !== backup.backupUuid) {
    throw new AppError(
      'invalidValue',
      `the result is about backup ${backup.backupUuid}, the task made ${task.backupUuid}`,
    );
  }
  const owners = await ownersOf(db, clientId, backup, task);
  if (owners === undefined) {
    const message = `backup ${backup.backupUuid} of "${backup.objectName}" lies in repository ${backup.repositoryId}, which is in no pool of this client; no record was made`;
    await insertLog(db, { level: 'warning', source: 'task', message, clientId, taskId: task?.id ?? null });
    return;
  }
  await insertBackup(db, backup, owners);
}

async function ownersOf(
  db: Database,
  clientId: number,
  backup: BackupResult,
  task: TaskRow | undefined,
): Promise<BackupOwners | undefined> {
  const repositoryId = await findRepository(db, clientId, backup, task);
  if (repositoryId === undefined) return undefined;
  const platform = (await listPlatforms(db)).find(
    (row) => row.uuid === backup.platformUuid && row.clientIds.includes(clientId),
  );
  const objectId = platform && (await findObjectByUuid(db, platform.id, backup.objectUuid));
  const ruleId = backup.ruleUuid === null ? undefined : await findRuleByUuid(db, backup.ruleUuid);
  return {
    repositoryId,
    objectId: objectId ?? null,
    platformId: platform?.id ?? null,
    ruleId: ruleId ?? null,
    clientId,
    taskId: task?.id ?? null,
  };
}

/**
 * Where the backup lies: in the repository that its job named, else in one that takes this client's backups now. Never in
 * one that holds those of others, whatever the agent says.
 */
async function findRepository(
  db: Database,
  clientId: number,
  backup: BackupResult,
  task: TaskRow | undefined,
): Promise<number | undefined> {
  const named = task?.repositoryId ?? null;
  const places = (await listPools(db)).flatMap((pool) =>
    pool.repositories
      .filter(({ resticId }) => resticId === backup.repositoryId)
      .filter((row) => (named === null ? isSameOwner(row, ownerOf(pool, clientId)) : row.id === named))
      .map((repository) => ({ pool, repositoryId: repository.id })),
  );
  const place =
    places.find(({ pool }) => pool.id === task?.poolId) ?? places.find(({ pool }) => pool.clientIds.includes(clientId));
  return place?.repositoryId;
}

function productOf({ restore, maintenance }: JobResult): string | null {
  const product = restore ?? maintenance;
  return product === null ? null : JSON.stringify(product);
}

async function endTask(db: Database, task: TaskRow, result: JobResult): Promise<void> {
  await moveTask(db, task, result.outcome, {
    started_at: task.startedAt ?? result.startedAt,
    step: result.step,
    bytes_total: result.bytesTotal,
    bytes_done: result.outcome === 'done' || result.outcome === 'warning' ? (result.bytesTotal ?? 0) : task.bytesDone,
    bytes_read: result.bytesRead,
    bytes_stored: result.bytesStored,
    warnings: JSON.stringify(result.warnings),
    error: result.error === null ? null : JSON.stringify(result.error),
    result: productOf(result),
    steps: JSON.stringify(endSteps(task.steps, Date.now())),
    disks: JSON.stringify(result.disks),
    consistency: result.backup?.consistency ?? null,
    frozen_ms: result.backup?.frozenMilliseconds ?? null,
  });
  const outcome = result.error === null ? result.outcome : `${result.outcome}: ${result.error.message}`;
  await insertLog(db, {
    level: result.outcome === 'failed' ? 'error' : result.outcome === 'warning' ? 'warning' : 'info',
    source: 'task',
    code: result.error?.code ?? null,
    message: `task ${task.id} (${task.kind}) ended, ${outcome}`,
    taskId: task.id,
    clientId: task.clientId,
  });
}
