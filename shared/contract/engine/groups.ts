import { z } from 'zod';
import { emptySchema, idSchema, nameSchema, refSchema, rowsOf, uuidSchema } from '../../schema.ts';
import { command, query } from '../method.ts';
import { servingClientSchema } from './platforms.ts';

export const groupViewSchema = z.object({
  id: idSchema,
  uuid: uuidSchema,
  name: z.string(),
  description: z.string(),
  /** Authorized ones. */
  clients: z.array(servingClientSchema),
  /** Names of the pools that hold a repository of it. */
  pools: z.array(z.string()),
});
export type GroupView = z.output<typeof groupViewSchema>;

const descriptionSchema = z.string().trim().max(500);

/** Groups of clients that share their backups; number 1, "No group", is always there and shares with nobody. */
export const groupsContract = {
  'groups.list': query({
    right: 'view',
    params: emptySchema,
    result: rowsOf(groupViewSchema),
    topics: ['groups', 'clients', 'pools'],
  }),
  'groups.add': command({
    right: 'administer',
    params: z.object({
      name: nameSchema,
      description: descriptionSchema.default(''),
      /** Of a group that a lost engine had: with its name it says where the group's repositories lie. */
      uuid: uuidSchema.optional(),
    }),
    result: groupViewSchema,
    topics: ['groups'],
  }),
  /** Left out = unchanged. "No group" keeps its name. */
  'groups.edit': command({
    right: 'administer',
    params: z.object({
      group: refSchema,
      name: nameSchema.optional(),
      description: descriptionSchema.optional(),
    }),
    result: groupViewSchema,
    topics: ['groups'],
  }),
  /** Refused while it has clients or repositories. */
  'groups.remove': command({
    right: 'administer',
    params: z.object({ group: refSchema }),
    result: emptySchema,
    topics: ['groups'],
  }),
};
