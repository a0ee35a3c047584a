import type { Selectable } from 'kysely';
import { z } from 'zod';
import { wireErrorSchema } from '../../shared/errors.ts';
import { backupTypeSchema, consistencySchema, restoreResultSchema, taskDiskSchema } from '../../shared/model/job.ts';
import { maintenanceResultSchema, operationSchema } from '../../shared/model/maintenance.ts';
import { stepSchema, taskKindSchema, taskStateSchema } from '../../shared/model/task.ts';
import { taskViewSchema } from '../../shared/contract/engine/tasks.ts';
import { restoreTargetSchema } from '../../shared/contract/engine/backups.ts';
import type { Tables } from './tables.ts';

/** What a task was asked to do, besides its columns; resolved numbers, no references. */
export const taskSpecSchema = z.object({
  restore: restoreTargetSchema.optional(),
  /** Platform to deploy on. */
  deployPlatformId: z.number().optional(),
  backupId: z.number().optional(),
  /** The one it works on; without it that of the client that runs it. */
  repositoryId: z.number().optional(),
  backup: z.object({ type: backupTypeSchema, reread: z.boolean() }).optional(),
  operation: operationSchema.optional(),
});
export type TaskSpec = z.output<typeof taskSpecSchema>;

const resultSchema = z.union([restoreResultSchema, maintenanceResultSchema]);
type TaskResult = z.output<typeof resultSchema>;

const stepsSchema = taskViewSchema.shape.steps;
export type TaskSteps = z.output<typeof stepsSchema>;

/** A task as the queue works with it. */
export interface TaskRow {
  id: number;
  uuid: string;
  jobUuid: string;
  kind: z.output<typeof taskKindSchema>;
  mode: z.output<typeof taskViewSchema.shape.mode>;
  state: z.output<typeof taskStateSchema>;
  clientId: number | null;
  wantedClientId: number | null;
  objectId: number | null;
  platformId: number | null;
  ruleId: number | null;
  poolId: number | null;
  /** That of the running job: its client may have changed groups since. */
  repositoryId: number | null;
  backupUuid: string;
  spec: TaskSpec;
  startedBy: string;
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  waitingFor: string | null;
  attempt: number;
  cancelRequested: boolean;
  unseen: boolean;
  step: z.output<typeof stepSchema> | null;
  bytesTotal: number | null;
  bytesDone: number;
  bytesRead: number;
  bytesStored: number;
  warnings: string[];
  error: z.output<typeof wireErrorSchema> | null;
  result: TaskResult | null;
  steps: TaskSteps;
  disks: Array<z.output<typeof taskDiskSchema>>;
  consistency: z.output<typeof consistencySchema> | null;
  frozenMilliseconds: number | null;
}

function json<S extends z.ZodType>(schema: S, text: string | null): z.output<S> {
  return schema.parse(text === null ? null : JSON.parse(text));
}

/** Checks a stored row: what an older or damaged database holds must not reach the queue unseen. */
export function taskRowOf(row: Selectable<Tables['tasks']>): TaskRow {
  return {
    id: row.id,
    uuid: row.uuid,
    jobUuid: row.job_uuid,
    kind: taskKindSchema.parse(row.kind),
    mode: taskViewSchema.shape.mode.parse(row.mode),
    state: taskStateSchema.parse(row.state),
    clientId: row.client_id,
    wantedClientId: row.wanted_client_id,
    objectId: row.object_id,
    platformId: row.platform_id,
    ruleId: row.rule_id,
    poolId: row.pool_id,
    repositoryId: row.repository_id,
    backupUuid: row.backup_uuid,
    spec: json(taskSpecSchema, row.spec),
    startedBy: row.started_by,
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    waitingFor: row.waiting_for,
    attempt: row.attempt,
    cancelRequested: row.cancel_requested === 1,
    unseen: row.unseen === 1,
    step: stepSchema.nullable().parse(row.step),
    bytesTotal: row.bytes_total,
    bytesDone: row.bytes_done,
    bytesRead: row.bytes_read,
    bytesStored: row.bytes_stored,
    warnings: json(z.array(z.string()), row.warnings),
    error: json(wireErrorSchema.nullable(), row.error),
    result: json(resultSchema.nullable(), row.result),
    steps: json(stepsSchema, row.steps),
    disks: json(z.array(taskDiskSchema), row.disks),
    consistency: consistencySchema.nullable().parse(row.consistency),
    frozenMilliseconds: row.frozen_ms,
  };
}
