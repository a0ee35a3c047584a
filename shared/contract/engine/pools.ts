import { z } from 'zod';
import {
  bytesSchema,
  checkSchema,
  emptySchema,
  idSchema,
  instantSchema,
  nameSchema,
  refSchema,
  rowsOf,
  secret,
} from '../../schema.ts';
import { writeOptionsSchema } from '../../model/job.ts';
import { repositoryPers, storageAddressSchema, storageKinds, storageTargetSchema } from '../../model/storage.ts';
import { command, query } from '../method.ts';
import { servingClientSchema } from './platforms.ts';

export const poolViewSchema = z.object({
  id: idSchema,
  uuid: z.guid(),
  name: z.string(),
  kind: z.enum(storageKinds),
  address: storageAddressSchema,
  /** The address in one line. */
  path: z.string(),
  clients: z.array(servingClientSchema),
  /** restic's ID of its repository, of several the first. */
  repositoryId: z.string(),
  repositoryPer: z.enum(repositoryPers),
  repositories: z.array(
    z.object({
      id: idSchema,
      /** Whose backups it holds: of one client, or of one client group; neither = those of all clients. */
      clientId: idSchema.nullable(),
      client: z.string().nullable(),
      groupId: idSchema.nullable(),
      group: z.string().nullable(),
      /** Its address in one line. */
      place: z.string(),
      /** restic's ID of it. */
      repositoryId: z.string(),
    }),
  ),
  createdAt: instantSchema,
  backupCount: z.number().int(),
  objectCount: z.number().int(),
  /** Sum of what its backups added. */
  storedBytes: bytesSchema,
  write: writeOptionsSchema,
  /** Runs maintenance when it may; null = any of its clients. */
  maintenanceClientId: idSchema.nullable(),
  freeBytes: bytesSchema.nullable(),
  totalBytes: bytesSchema.nullable(),
});
export type PoolView = z.output<typeof poolViewSchema>;

export const poolsContract = {
  'pools.list': query({
    right: 'view',
    params: emptySchema,
    result: rowsOf(poolViewSchema),
    topics: ['pools', 'clients', 'groups', 'backups'],
  }),
  /** Creates the repositories in absent or empty folders, opens existing ones whose passwords fit. */
  'pools.add': command({
    right: 'administer',
    params: z.object({
      name: nameSchema,
      clients: z.array(refSchema).min(1).max(100),
      storage: storageTargetSchema,
      /** Of the repository; of several each has its own that is made of it. */
      password: secret(),
      /** One for the pool, or one for each client group or client, which then opens no other's. It stays so. */
      repositoryPer: z.enum(repositoryPers).default('pool'),
      write: writeOptionsSchema.prefault({}),
      maintenanceClient: refSchema.optional(),
    }),
    /** `adopted`: points of ours in a repository that was there already. */
    result: poolViewSchema.extend({ adopted: z.number().int() }),
    topics: ['pools', 'backups'],
  }),
  /** Left out = unchanged. What is stored stays as it is; another address must hold the same repository. */
  'pools.edit': command({
    right: 'administer',
    params: z.object({
      pool: refSchema,
      name: nameSchema.optional(),
      write: writeOptionsSchema.optional(),
      clients: z.array(refSchema).min(1).max(100).optional(),
      /** null = any of its clients. */
      maintenanceClient: refSchema.nullable().optional(),
      /** Without a credential the one that is stored opens it. */
      storage: storageTargetSchema.optional(),
      /** One that opens the repository already. */
      password: secret().optional(),
    }),
    result: poolViewSchema,
    topics: ['pools'],
  }),
  'pools.test': command({
    right: 'operate',
    params: z.object({ pool: refSchema }),
    result: z.object({ checks: z.array(checkSchema) }),
    topics: ['pools'],
  }),
  /** Forgets the pool; its files stay. Refused while a rule uses it. Its backup records go with it. */
  'pools.remove': command({
    right: 'administer',
    params: z.object({ pool: refSchema }),
    result: emptySchema,
    topics: ['pools', 'backups'],
  }),
};
