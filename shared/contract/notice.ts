import { z } from 'zod';
import { taskStateSchema, stepSchema } from '../model/task.ts';
import { taskDiskViewSchema } from '../model/job.ts';
import { bytesSchema, idSchema } from '../schema.ts';
import { topics } from './method.ts';

/** Live figures of one running task; they are not written to the database at this rate. */
export const taskProgressSchema = z.object({
  id: idSchema,
  state: taskStateSchema,
  step: stepSchema.nullable(),
  percent: z.number().min(0).max(100).nullable(),
  bytesTotal: bytesSchema.nullable(),
  bytesDone: bytesSchema,
  bytesRead: bytesSchema,
  bytesStored: bytesSchema,
  /** Of bytesDone over the last seconds; null until known. */
  speedBytesPerSecond: bytesSchema.nullable(),
  secondsLeft: z.number().int().nonnegative().nullable(),
  disks: z.array(taskDiskViewSchema),
});
export type TaskProgress = z.output<typeof taskProgressSchema>;

/** The one upward signal, sent at most 4 times a second per topic (DESIGN §4). */
export const noticeSchema = z.object({
  topic: z.enum(topics),
  ids: z.array(idSchema).optional(),
  progress: z.array(taskProgressSchema).optional(),
});
export type Notice = z.output<typeof noticeSchema>;

/** JSON-RPC method name of the notification that carries a {@link Notice}. */
export const noticeMethod = '$/changed';
