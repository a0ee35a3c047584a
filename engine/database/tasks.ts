import { randomUUID } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { isEnded, mayMove, type TaskState, taskStates } from '../../shared/model/task.ts';
import type { Database } from './open.ts';
import type { Tables } from './tables.ts';
import { type TaskRow, taskRowOf, type TaskSpec } from './task-row.ts';
import type { Updateable } from 'kysely';

export interface NewTask {
  kind: TaskRow['kind'];
  mode: TaskRow['mode'];
  priority: number;
  wantedClientId: number | null;
  objectId: number | null;
  platformId: number | null;
  ruleId: number | null;
  poolId: number;
  /** Of the backup that will be made, or that is restored. */
  backupUuid: string;
  spec: TaskSpec;
  startedBy: string;
}

export async function insertTask(db: Database, task: NewTask): Promise<TaskRow> {
  const row = await db
    .insertInto('tasks')
    .values({
      uuid: randomUUID(),
      job_uuid: randomUUID(),
      kind: task.kind,
      mode: task.mode,
      state: 'new',
      priority: task.priority,
      wanted_client_id: task.wantedClientId,
      object_id: task.objectId,
      platform_id: task.platformId,
      rule_id: task.ruleId,
      pool_id: task.poolId,
      backup_uuid: task.backupUuid,
      spec: JSON.stringify(task.spec),
      started_by: task.startedBy,
      created_at: Date.now(),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return taskRowOf(row);
}

/** @throws AppError notFound */
export async function getTask(db: Database, id: number): Promise<TaskRow> {
  const row = await db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new AppError('notFound', `task ${id} does not exist`);
  return taskRowOf(row);
}

export async function findTaskByJob(db: Database, jobUuid: string): Promise<TaskRow | undefined> {
  const row = await db.selectFrom('tasks').selectAll().where('job_uuid', '=', jobUuid).executeTakeFirst();
  return row && taskRowOf(row);
}

export const openStates: readonly TaskState[] = taskStates.filter((state) => !isEnded(state));

/** Tasks that have not ended: restores first, then by age. */
export async function listOpenTasks(db: Database): Promise<TaskRow[]> {
  const rows = await db
    .selectFrom('tasks')
    .selectAll()
    .where('state', 'in', [...openStates])
    .orderBy('priority', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(taskRowOf);
}

export interface TaskFilter {
  state?: readonly TaskState[] | undefined;
  clientId?: number | undefined;
  objectId?: number | undefined;
  ruleId?: number | undefined;
  since?: number | undefined;
  before?: number | undefined;
  limit: number;
  offset: number;
}

/** Newest first. */
export async function listTasks(db: Database, filter: TaskFilter): Promise<{ rows: TaskRow[]; total: number }> {
  const matching = db
    .selectFrom('tasks')
    .$if(filter.state !== undefined, (q) => q.where('state', 'in', [...(filter.state ?? [])]))
    .$if(filter.clientId !== undefined, (q) => q.where('client_id', '=', filter.clientId ?? 0))
    .$if(filter.objectId !== undefined, (q) => q.where('object_id', '=', filter.objectId ?? 0))
    .$if(filter.ruleId !== undefined, (q) => q.where('rule_id', '=', filter.ruleId ?? 0))
    .$if(filter.since !== undefined, (q) => q.where('created_at', '>=', filter.since ?? 0));
  const count = await matching.select((s) => s.fn.countAll<number>().as('n')).executeTakeFirstOrThrow();
  const rows = await matching
    .selectAll()
    .$if(filter.before !== undefined, (q) => q.where('id', '<', filter.before ?? 0))
    .orderBy('id', 'desc')
    .limit(filter.limit)
    .offset(filter.offset)
    .execute();
  return { rows: rows.map(taskRowOf), total: Number(count.n) };
}

export async function getTasksByIds(db: Database, ids: readonly number[]): Promise<Map<number, TaskRow>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('tasks')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute();
  return new Map(rows.map((row) => [row.id, taskRowOf(row)]));
}

type TaskColumns = Updateable<Tables['tasks']>;

/** Changes columns other than the state. */
export async function updateTask(db: Database, id: number, columns: Omit<TaskColumns, 'state'>): Promise<void> {
  await db.updateTable('tasks').set(columns).where('id', '=', id).execute();
}

/**
 * The only way a task changes state: the move must be allowed by the state machine and the task must still be in
 * `from` (fencing against a second writer).
 * @returns false when it was not in `from` any more
 */
export async function moveTask(
  db: Database,
  task: Pick<TaskRow, 'id' | 'state'>,
  to: TaskState,
  columns: Omit<TaskColumns, 'state'> = {},
): Promise<boolean> {
  if (!mayMove(task.state, to))
    throw new AppError('internal', `task ${task.id} may not go from ${task.state} to ${to}`);
  const times = isEnded(to) ? { ended_at: Date.now(), waiting_for: null, unseen: to === 'failed' ? 1 : 0 } : {};
  const updated = await db
    .updateTable('tasks')
    .set({ ...times, ...columns, state: to })
    .where('id', '=', task.id)
    .where('state', '=', task.state)
    .executeTakeFirst();
  return updated.numUpdatedRows === 1n;
}

/** Clears the unseen mark of one failed task, or of all. */
export async function markTasksSeen(db: Database, id?: number): Promise<void> {
  const update = db.updateTable('tasks').set({ unseen: 0 }).where('unseen', '=', 1);
  await (id === undefined ? update : update.where('id', '=', id)).execute();
}

export async function countUnseen(db: Database): Promise<number> {
  const row = await db
    .selectFrom('tasks')
    .select((s) => s.fn.countAll<number>().as('n'))
    .where('unseen', '=', 1)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}
