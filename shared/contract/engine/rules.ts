import { z } from 'zod';
import { backupTypeSchema, quiesceSchema } from '../../model/job.ts';
import { transformCipherSchema } from '../../model/transform.ts';
import { taskStateSchema } from '../../model/task.ts';
import { emptySchema, idSchema, instantSchema, nameSchema, refSchema, rowsOf } from '../../schema.ts';
import { command, job, query } from '../method.ts';

/** i2's words for a member VM while its task goes (DESIGN §5). */
export const memberStateSchema = z.enum([
  'idle',
  'pending',
  'preparing',
  'configuration',
  'queryingChanges',
  'checkingData',
  'running',
  'finalising',
  'done',
  'unknown',
]);

export const ruleViewSchema = z.object({
  id: idSchema,
  uuid: z.guid(),
  name: z.string(),
  state: z.enum(['draft', 'run', 'stopped', 'expired']),
  type: backupTypeSchema,
  quiesce: quiesceSchema,
  /** Cipher of the protective transformation; null = none. */
  transform: transformCipherSchema.nullable(),
  platform: z.string(),
  platformId: idSchema,
  pool: z.string(),
  poolId: idSchema,
  /** The client that must run it; null = any that reaches both. */
  client: z.string().nullable(),
  clientId: idSchema.nullable(),
  zone: z.string(),
  createdAt: instantSchema,
  members: z.array(
    z.object({
      objectId: idSchema,
      uuid: z.guid(),
      name: z.string(),
      state: memberStateSchema,
      percent: z.number().nullable(),
      taskId: idSchema.nullable(),
      lastState: taskStateSchema.nullable(),
      lastEndedAt: instantSchema.nullable(),
    }),
  ),
});
export type RuleView = z.output<typeof ruleViewSchema>;
export type RuleMember = RuleView['members'][number];

const ruleParams = z.object({ rule: refSchema });
const ruleFields = z.object({
  name: nameSchema,
  platform: refSchema,
  objects: z.array(refSchema).min(1, 'choose at least one VM').max(10_000),
  pool: refSchema,
  type: backupTypeSchema,
  quiesce: quiesceSchema.prefault({}),
  transform: transformCipherSchema.nullable().default(null),
  client: refSchema.nullable().default(null),
});

/** What every method that starts tasks answers (DETAILS 23). */
export const startedSchema = z.object({ taskIds: z.array(idSchema) });

export const rulesContract = {
  'rules.list': query({
    right: 'view',
    params: emptySchema,
    result: rowsOf(ruleViewSchema),
    topics: ['rules', 'tasks', 'objects', 'pools'],
  }),
  'rules.get': query({
    right: 'view',
    params: ruleParams,
    result: ruleViewSchema,
    topics: ['rules', 'tasks', 'objects', 'pools'],
  }),
  'rules.add': command({ right: 'administer', params: ruleFields, result: ruleViewSchema, topics: ['rules'] }),
  'rules.edit': command({
    right: 'administer',
    params: ruleParams.extend({ fields: ruleFields }),
    result: ruleViewSchema,
    topics: ['rules'],
  }),
  /** Starts a backup of every member, or of some. */
  'rules.run': job({
    right: 'operate',
    params: ruleParams.extend({
      /** Default: the rule's own. */
      type: backupTypeSchema.optional(),
      /** Read everything and compare with what the change information called clean. */
      reread: z.boolean().default(false),
      /** Only these members. */
      objects: z.array(refSchema).min(1).max(10_000).optional(),
    }),
    result: startedSchema,
    topics: ['tasks', 'rules'],
  }),
  'rules.remove': command({ right: 'administer', params: ruleParams, result: emptySchema, topics: ['rules'] }),
};
