import { z } from 'zod';
import { idSchema, instantSchema, pageSchema, refSchema, rowsOf } from '../../schema.ts';
import { query } from '../method.ts';

export const logLevels = ['info', 'warning', 'error'] as const;

export const logEntrySchema = z.object({
  id: idSchema,
  at: instantSchema,
  level: z.enum(logLevels),
  /** Which part of the product says it: engine, agent, task, security. */
  source: z.string(),
  code: z.string().nullable(),
  message: z.string(),
  user: z.string().nullable(),
  taskId: idSchema.nullable(),
  clientId: idSchema.nullable(),
  client: z.string().nullable(),
});
export type LogEntry = z.output<typeof logEntrySchema>;

export const logsContract = {
  'logs.list': query({
    right: 'view',
    params: pageSchema.extend({
      level: z.array(z.enum(logLevels)).optional(),
      client: refSchema.optional(),
      task: refSchema.optional(),
      since: instantSchema.optional(),
      text: z.string().max(200).optional(),
    }),
    result: rowsOf(logEntrySchema),
    topics: ['logs'],
  }),
};
