import { z } from 'zod';
import { platformKinds } from '../../platforms/all.ts';
import { clientStateSchema } from '../../model/client.ts';
import { checkSchema, emptySchema, idSchema, instantSchema, nameSchema, refSchema, rowsOf } from '../../schema.ts';
import { command, query } from '../method.ts';

/** A client that serves a platform or a pool. */
export const servingClientSchema = z.object({ id: idSchema, name: z.string(), state: clientStateSchema });

export const platformViewSchema = z.object({
  id: idSchema,
  uuid: z.guid(),
  name: z.string(),
  kind: z.enum(platformKinds),
  settings: z.record(z.string(), z.unknown()),
  clients: z.array(servingClientSchema),
  objectCount: z.number().int(),
  inventoryAt: instantSchema.nullable(),
  lastError: z.string().nullable(),
});
export type PlatformView = z.output<typeof platformViewSchema>;

export const platformsContract = {
  'platforms.list': query({
    right: 'view',
    params: emptySchema,
    result: rowsOf(platformViewSchema),
    topics: ['platforms', 'clients', 'objects'],
  }),
  /** Answers after the first inventory (DETAILS 18). Settings are those of the kind's descriptor. */
  'platforms.add': command({
    right: 'administer',
    params: z.object({
      clients: z.array(refSchema).min(1).max(100),
      kind: z.enum(platformKinds),
      name: nameSchema.optional(),
      settings: z.record(z.string(), z.unknown()),
    }),
    result: platformViewSchema,
    topics: ['platforms', 'objects'],
  }),
  'platforms.test': command({
    right: 'operate',
    params: z.object({ platform: refSchema }),
    result: z.object({ checks: z.array(checkSchema) }),
  }),
  'platforms.remove': command({
    right: 'administer',
    params: z.object({ platform: refSchema }),
    result: emptySchema,
    topics: ['platforms', 'objects'],
  }),
};
