import { z } from 'zod';
import { verifyErrorSchema } from '../../model/maintenance.ts';
import { diffCursorSchema, diffPageSchema } from '../../model/diff.ts';
import { backupResultSchema, backupTypeSchema, unpackFormatSchema } from '../../model/job.ts';
import {
  absolutePathSchema,
  bytesSchema,
  idSchema,
  instantSchema,
  nameSchema,
  pageSchema,
  refSchema,
  rowsOf,
} from '../../schema.ts';
import { job, query } from '../method.ts';
import { startedSchema } from './rules.ts';

export const backupViewSchema = z.object({
  id: idSchema,
  uuid: z.guid(),
  /** Number of the parent; null for a point read in full. */
  refId: idSchema.nullable(),
  object: z.string(),
  objectId: idSchema.nullable(),
  objectUuid: z.guid(),
  platform: z.string().nullable(),
  platformId: idSchema.nullable(),
  pool: z.string(),
  poolId: idSchema,
  rule: z.string().nullable(),
  client: z.string().nullable(),
  type: backupTypeSchema,
  createdAt: instantSchema,
  zone: z.string(),
  /** Sum of virtual disk sizes. */
  sizeBytes: bytesSchema,
  storedBytes: bytesSchema,
  consistency: backupResultSchema.shape.consistency,
  frozenMilliseconds: backupResultSchema.shape.frozenMilliseconds,
  /** Cipher of the protective transformation; null = none. */
  transform: z.string().nullable(),
  /** Of the key it was made with; null = none. */
  keyId: z.string().nullable(),
  signed: z.boolean(),
  verification: z.enum(['notVerified', 'trusted', 'suspicious']),
  verifiedAt: instantSchema.nullable(),
  /** What made it suspicious. */
  verifyErrors: z.array(verifyErrorSchema),
  /** missing = gone from the repository behind our back. */
  state: z.enum(['available', 'missing']),
  snapshotId: z.string(),
  disks: z.array(z.object({ id: z.string(), sizeBytes: bytesSchema, digest: z.string() })),
});
export type BackupView = z.output<typeof backupViewSchema>;

/** Where a restore writes: a folder on the client, or a new VM. */
export const restoreTargetSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('directory'),
    path: absolutePathSchema,
    format: unpackFormatSchema.default('raw'),
  }),
  z.object({
    kind: z.literal('deploy'),
    /** Default: the platform the backup came from. */
    platform: refSchema.optional(),
    /** Default: the old name, with a numeric suffix when it is taken. */
    name: nameSchema.optional(),
    storage: absolutePathSchema.optional(),
    start: z.boolean().default(false),
  }),
]);
export type RestoreDestination = z.output<typeof restoreTargetSchema>;

const backupParams = z.object({ backup: refSchema });

export const backupsContract = {
  'backups.list': query({
    right: 'view',
    params: pageSchema.extend({
      object: refSchema.optional(),
      pool: refSchema.optional(),
      rule: refSchema.optional(),
      since: instantSchema.optional(),
    }),
    result: rowsOf(backupViewSchema),
    topics: ['backups'],
  }),
  'backups.get': query({ right: 'view', params: backupParams, result: backupViewSchema, topics: ['backups'] }),
  /**
   * What differs between two points of one VM in one repository, disk by disk, in pages: pass `cursor` on until none comes back.
   * The grain is the cell, or 64 KiB where a cell is divided.
   */
  'backups.diff': query({
    right: 'view',
    params: backupParams.extend({ other: refSchema, cursor: diffCursorSchema.optional() }),
    result: diffPageSchema,
    topics: ['backups'],
  }),
  /** Which clients may restore it, and why the others may not (DESIGN §7). */
  'backups.restoreOptions': query({
    right: 'restore',
    params: backupParams,
    result: z.object({
      backup: backupViewSchema,
      clients: z.array(
        z.object({
          id: idSchema,
          name: z.string(),
          offered: z.boolean(),
          /** What is missing; otherRepository = it reaches the pool, but the backup is in another client's repository. */
          missing: z.array(z.enum(['offline', 'noPool', 'otherRepository', 'unauthorized'])),
        }),
      ),
      platforms: z.array(
        z.object({
          id: idSchema,
          name: z.string(),
          kind: z.string(),
          canStart: z.boolean(),
          /** Clients that reach this platform and the pool. */
          clientIds: z.array(idSchema),
        }),
      ),
    }),
    topics: ['backups', 'clients', 'platforms', 'pools'],
  }),
  /** Reads the points again, checks every hash, and the manifest's signature. */
  'backups.verify': job({
    right: 'operate',
    params: z.object({ backups: z.array(refSchema).min(1).max(1000) }),
    result: startedSchema,
    topics: ['tasks'],
  }),
  /** Removes points; what only they used is freed by the next prune. */
  'backups.delete': job({
    right: 'administer',
    params: z.object({ backups: z.array(refSchema).min(1).max(1000) }),
    result: startedSchema,
    topics: ['tasks'],
  }),
  'backups.restore': job({
    right: 'restore',
    params: backupParams.extend({ target: restoreTargetSchema, client: refSchema.optional() }),
    result: startedSchema,
    topics: ['tasks'],
  }),
};
