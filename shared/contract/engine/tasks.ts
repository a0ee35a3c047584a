import { z } from 'zod';
import { maintenanceKinds, maintenanceResultSchema } from '../../model/maintenance.ts';
import { wireErrorSchema } from '../../errors.ts';
import { backupTypes, consistencySchema, restoreResultSchema } from '../../model/job.ts';
import { stepSchema, taskKindSchema, taskStateSchema } from '../../model/task.ts';
import { emptySchema, idSchema, instantSchema, pageSchema, refSchema, rowsOf } from '../../schema.ts';
import { command, query } from '../method.ts';
import { taskProgressSchema } from '../notice.ts';

export const taskViewSchema = taskProgressSchema.extend({
  uuid: z.guid(),
  kind: taskKindSchema,
  /** How a backup was asked to read; directory or deploy for a restore. */
  mode: z.enum([...backupTypes, 'directory', 'deploy', ...maintenanceKinds]),
  state: taskStateSchema,
  clientId: idSchema.nullable(),
  client: z.string().nullable(),
  objectId: idSchema.nullable(),
  object: z.string().nullable(),
  platform: z.string().nullable(),
  ruleId: idSchema.nullable(),
  rule: z.string().nullable(),
  poolId: idSchema.nullable(),
  pool: z.string().nullable(),
  /** The one it works on; null while that is open (it depends on who will run it), or when the pool is gone. */
  repository: z
    .object({
      id: idSchema,
      /** Its address in one line. */
      place: z.string(),
      /** Whose backups it holds: of one client, or of one client group; neither = those of all clients of the pool. */
      client: z.string().nullable(),
      group: z.string().nullable(),
    })
    .nullable(),
  /** The backup that was made, or that is restored. */
  backupId: idSchema.nullable(),
  startedBy: z.string(),
  createdAt: instantSchema,
  startedAt: instantSchema.nullable(),
  endedAt: instantSchema.nullable(),
  /** A sentence: which limit, lock or client it waits for, and its place. */
  waitingFor: z.string().nullable(),
  attempt: z.number().int(),
  warnings: z.array(z.string()),
  error: wireErrorSchema.nullable(),
  /** A failure that nobody has looked at yet. */
  unseen: z.boolean(),
  result: z.union([restoreResultSchema, maintenanceResultSchema]).nullable(),
  steps: z.array(z.object({ step: stepSchema, startedAt: instantSchema, endedAt: instantSchema.nullable() })),
  /** Level that a backup reached; null until it has ended well. */
  consistency: consistencySchema.nullable(),
  /** How long the guest stood still for it. */
  frozenMilliseconds: z.number().int().nonnegative().nullable(),
});
export type TaskView = z.output<typeof taskViewSchema>;

const taskParams = z.object({ task: refSchema });

export const tasksContract = {
  'tasks.list': query({
    right: 'view',
    params: pageSchema.extend({
      state: z.array(taskStateSchema).optional(),
      client: refSchema.optional(),
      object: refSchema.optional(),
      rule: refSchema.optional(),
      since: instantSchema.optional(),
    }),
    result: rowsOf(taskViewSchema),
    topics: ['tasks'],
  }),
  'tasks.get': query({ right: 'view', params: taskParams, result: taskViewSchema, topics: ['tasks'] }),
  /** Returns at once; the task is `cancelled` when the agent has reported everything gone. */
  'tasks.cancel': command({ right: 'operate', params: taskParams, result: taskViewSchema, topics: ['tasks'] }),
  /** Closes a task whose agent will not come back; a late result is still kept as a point. */
  'tasks.abandon': command({ right: 'administer', params: taskParams, result: taskViewSchema, topics: ['tasks'] }),
  /** Clears the unseen mark of one failed task, or of all. */
  'tasks.markSeen': command({
    right: 'operate',
    params: z.object({ task: refSchema.optional() }),
    result: emptySchema,
    topics: ['tasks'],
  }),
};
