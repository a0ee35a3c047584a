import { z } from 'zod';
import { bytesSchema, hexIdSchema, uuidSchema } from '../schema.ts';

/** What is done to a repository besides backups and restores. */
export const maintenanceKinds = ['check', 'verify', 'prune', 'delete', 'rebuildIndex'] as const;
export type MaintenanceKind = (typeof maintenanceKinds)[number];

/** Those that nobody may disturb (DESIGN §4). */
export const exclusiveKinds: readonly string[] = ['prune', 'rebuildIndex'];

const pointSchema = z.object({ backupUuid: uuidSchema, snapshotId: hexIdSchema.nullable(), objectUuid: uuidSchema });

export const operationSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('check'),
    /** Percent of the packs whose data is read; 0 = metadata only. */
    readPercent: z.number().min(0).max(100),
  }),
  z.object({ kind: z.literal('verify'), points: z.array(pointSchema).min(1).max(1000) }),
  z.object({
    kind: z.literal('prune'),
    /** Unused bytes that may stay, as a share of all. */
    maxUnusedPercent: z.number().min(0).max(100),
    dryRun: z.boolean(),
  }),
  z.object({ kind: z.literal('delete'), points: z.array(pointSchema).min(1).max(1000) }),
  z.object({ kind: z.literal('rebuildIndex') }),
]);
export type Operation = z.output<typeof operationSchema>;

/** What is wrong with a file of the repository or with a blob in it. */
export const damageKinds = [
  'packMissing',
  'packTruncated',
  'packDamaged',
  'headerMismatch',
  'blobMissing',
  'blobDamaged',
  'treeMissing',
  'indexDamaged',
  'snapshotDamaged',
  'pointMissing',
  'manifestDamaged',
  'signatureWrong',
] as const;
export const damageKindSchema = z.enum(damageKinds);

/** A range of a disk that cannot be read, bytes; `disk` null = not a disk. */
export const verifyErrorSchema = z.object({
  disk: z.string().max(255).nullable(),
  offset: bytesSchema.nullable(),
  length: bytesSchema.nullable(),
  kind: damageKindSchema,
});
export type VerifyError = z.output<typeof verifyErrorSchema>;

export const maxDamages = 1000;

export const maintenanceResultSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('check'),
    ok: z.boolean(),
    /** The first of them; `errorCount` has all. */
    errors: z
      .array(
        verifyErrorSchema.extend({
          pack: hexIdSchema.nullable(),
          /** UUIDs of the backups that are hit. */
          backups: z.array(uuidSchema).max(100),
          message: z.string().max(2000),
        }),
      )
      .max(maxDamages),
    errorCount: z.number().int().nonnegative(),
  }),
  z.object({
    kind: z.literal('verify'),
    points: z
      .array(
        z.object({
          backupUuid: uuidSchema,
          verification: z.enum(['trusted', 'suspicious']),
          errors: z.array(verifyErrorSchema).max(maxDamages),
        }),
      )
      .max(1000),
  }),
  z.object({
    kind: z.literal('prune'),
    dryRun: z.boolean(),
    repackBytes: bytesSchema,
    /** Negative when joining small files costs more than it saves. */
    freedBytes: z.number().int(),
  }),
  z.object({ kind: z.literal('delete'), deleted: z.array(uuidSchema).max(1000) }),
  z.object({ kind: z.literal('rebuildIndex'), packs: z.number().int(), blobs: z.number().int() }),
]);
export type MaintenanceResult = z.output<typeof maintenanceResultSchema>;

/** Figures of a repository, bytes. */
export const repositoryStatsSchema = z.object({
  repositoryId: hexIdSchema,
  snapshots: z.number().int(),
  packs: z.number().int(),
  blobs: z.number().int(),
  storedBytes: bytesSchema,
  unusedBytes: bytesSchema,
  indexMemoryBytes: bytesSchema,
});
export type RepositoryStats = z.output<typeof repositoryStatsSchema>;

/** A key file of the repository: one password that opens it. */
export const repositoryKeySchema = z.object({
  id: hexIdSchema,
  /** As its writer wrote it, RFC 3339; empty when the file cannot be read. */
  created: z.string().max(100),
  username: z.string().max(1000),
  hostname: z.string().max(1000),
  /** Whether it belongs to the password that the pool keeps. */
  current: z.boolean(),
  /** Why the file is no use; null when it is fine. */
  problem: z.string().max(4000).nullable(),
});
export type RepositoryKeyView = z.output<typeof repositoryKeySchema>;

/** A key file for paper: worth nothing without its password. */
export const keyExportSchema = z.object({
  repositoryId: hexIdSchema,
  keyId: hexIdSchema,
  text: z.string().max(10_000),
});
export type KeyExport = z.output<typeof keyExportSchema>;

/** A lock file of the repository. */
export const repositoryLockSchema = z.object({
  id: hexIdSchema,
  host: z.string().max(1000),
  pid: z.number().int(),
  exclusive: z.boolean(),
  createdAt: z.number(),
  stale: z.boolean(),
});
export type RepositoryLock = z.output<typeof repositoryLockSchema>;
