import { z } from 'zod';
import { taskStateSchema } from '../../model/task.ts';
import { inventoryObjectSchema } from '../../model/vm.ts';
import { emptySchema, idSchema, instantSchema, refSchema, rowsOf } from '../../schema.ts';
import { command, query } from '../method.ts';

export const objectViewSchema = inventoryObjectSchema.extend({
  id: idSchema,
  platform: z.string(),
  platformId: idSchema,
  platformKind: z.string(),
  clientIds: z.array(idSchema),
  /** Last known row: no client of the platform could be asked. */
  stale: z.boolean(),
  /** The platform no longer lists it. */
  vanished: z.boolean(),
  rules: z.array(z.object({ id: idSchema, name: z.string() })),
  backupCount: z.number().int(),
  lastBackupAt: instantSchema.nullable(),
  /** Newest task of this VM. */
  lastTask: z.object({ id: idSchema, state: taskStateSchema, percent: z.number().nullable() }).nullable(),
});
export type ObjectView = z.output<typeof objectViewSchema>;

export const objectsContract = {
  /** All of it may be long: it comes in pages. */
  'objects.list': query({
    right: 'view',
    params: z.object({
      client: refSchema.optional(),
      platform: refSchema.optional(),
      /** Ask online agents first (10 s); otherwise the stored rows answer. */
      live: z.boolean().default(false),
      /** Where the page before ended; pages hold at most 500 rows, ordered by name. */
      cursor: z.string().max(2000).optional(),
    }),
    result: rowsOf(objectViewSchema),
    topics: ['objects', 'platforms', 'clients', 'rules', 'backups', 'tasks'],
  }),
  /** Asks every online agent for its inventory; errors of single platforms stand in the platform's lastError. */
  'objects.refresh': command({
    right: 'view',
    params: z.object({ platform: refSchema.optional() }),
    result: z.object({ platforms: z.number().int(), failed: z.number().int() }),
    topics: ['objects', 'platforms'],
  }),
  /** Thaws a guest that a backup left frozen. */
  'objects.thaw': command({
    right: 'operate',
    params: z.object({ object: refSchema }),
    result: emptySchema,
    topics: ['objects'],
  }),
};
