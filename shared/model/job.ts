import { z } from 'zod';
import { wireErrorSchema } from '../errors.ts';
import { platformKinds } from '../platforms/all.ts';
import {
  absolutePathSchema,
  bytesSchema,
  hexIdSchema,
  idSchema,
  instantSchema,
  nameSchema,
  secret,
  uuidSchema,
} from '../schema.ts';
import { maintenanceResultSchema, operationSchema } from './maintenance.ts';
import { storageTargetSchema } from './storage.ts';
import { readReasonSchema } from './read-reason.ts';
import { stepSchema } from './task.ts';
import { transformCipherSchema, transformSchema } from './transform.ts';

/** What the disks of an unpack directory are written as: `disk.raw` or `disk.qcow2`, both sparse. */
export const unpackFormats = ['raw', 'qcow2'] as const;
export const unpackFormatSchema = z.enum(unpackFormats);
export type UnpackFormat = z.output<typeof unpackFormatSchema>;

/** A platform as the agent needs it; settings are checked again by the platform's own schema. */
export const platformTargetSchema = z.object({
  uuid: uuidSchema,
  kind: z.enum(platformKinds),
  name: nameSchema,
  settings: z.record(z.string(), z.unknown()),
});
export type PlatformTarget = z.output<typeof platformTargetSchema>;

/** How written blobs are compared before upload: 1 in 16, all, none. */
export const verifyWritesSchema = z.enum(['sample', 'all', 'off']);
/** zstd level; off = stored as it is. */
export const compressionSchema = z.enum(['1', '3', 'off']);
/** Cell sizes that a pool may ask for, bytes; without one the size of the disk decides (DESIGN §6). */
export const cellSizes = [256, 512, 1024, 2048, 4096].map((kibibytes) => kibibytes * 1024);

/** How a pool wants its backups written. */
export const writeOptionsSchema = z.object({
  verifyWrites: verifyWritesSchema.default('sample'),
  compression: compressionSchema.default('1'),
  cellBytes: z
    .number()
    .int()
    .refine((bytes) => cellSizes.includes(bytes), 'cells may have 256 KiB, 512 KiB, 1 MiB, 2 MiB or 4 MiB')
    .nullable()
    .default(null),
  /** Reading is slowed down to this; null = as fast as it goes. */
  maxBytesPerSecond: z.number().int().min(65_536).nullable().default(null),
});
export type WriteOptions = z.output<typeof writeOptionsSchema>;

/** A repository as the agent needs it; the password lives in memory only. */
export const repositoryTargetSchema = z.object({
  storage: storageTargetSchema,
  password: secret(),
  /** restic's repository ID; null before the pool was prepared. */
  repositoryId: hexIdSchema.nullable(),
});
export type RepositoryTarget = z.output<typeof repositoryTargetSchema>;

/** How the source is read: everything, what changed since the last point, what changed since the last full one. */
export const backupTypes = ['full', 'incremental', 'differential'] as const;
export const backupTypeSchema = z.enum(backupTypes);
export type BackupType = z.output<typeof backupTypeSchema>;

/** What the guest is asked for at the point in time (FEATURES C31-C35). Scripts are absolute paths inside the guest. */
export const quiesceSchema = z.object({
  /** Ask the guest agent to freeze the file systems. Not reached = a warning. */
  freeze: z.boolean().default(true),
  /** Not reached = the task fails. */
  requireConsistency: z.boolean().default(false),
  scriptBefore: absolutePathSchema.nullable().default(null),
  scriptAfter: absolutePathSchema.nullable().default(null),
  scriptTimeoutSeconds: z.number().int().min(1).max(600).default(5),
});
export type Quiesce = z.output<typeof quiesceSchema>;

export const consistencyLevels = ['crash', 'filesystem', 'application', 'inconsistent'] as const;
export const consistencySchema = z.enum(consistencyLevels);
export type Consistency = z.output<typeof consistencySchema>;

const jobBase = {
  jobUuid: uuidSchema,
  backupUuid: uuidSchema,
  engineUuid: uuidSchema,
  objectUuid: uuidSchema,
  repository: repositoryTargetSchema,
};

/** Where a point is looked for first; its tag is tried next (DETAILS 15). */
export const pointHintSchema = z.object({ backupUuid: uuidSchema, snapshotId: hexIdSchema.nullable() });
export type PointHint = z.output<typeof pointHintSchema>;

export const backupJobSchema = z.object({
  kind: z.literal('backup'),
  ...jobBase,
  platform: platformTargetSchema,
  objectName: z.string(),
  client: z.object({ hwid: z.string(), name: z.string() }),
  rule: z.object({ uuid: uuidSchema, name: nameSchema }).nullable(),
  type: backupTypeSchema,
  /** Read everything and compare with what the change information called clean. */
  reread: z.boolean().default(false),
  quiesce: quiesceSchema.default(quiesceSchema.parse({})),
  write: writeOptionsSchema.default(writeOptionsSchema.parse({})),
  /** Cipher of the protective transformation, with the agent's own key; null = none. */
  transform: transformCipherSchema.nullable().default(null),
  /** Points of this object that the engine knows in this repository, newest first: hints where to look (DETAILS 15). */
  points: z.array(pointHintSchema).max(64).default([]),
  /** IANA zone of the rule, written into the manifest. */
  zone: z.string(),
});
export type BackupJob = z.output<typeof backupJobSchema>;

export const restoreJobSchema = z.object({
  kind: z.literal('restore'),
  ...jobBase,
  /** Tried first; when it is gone the tag `backup=<uuid>` is looked for (DETAILS 15). */
  snapshotIdHint: hexIdSchema.nullable(),
  target: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('directory'),
      path: absolutePathSchema,
      format: unpackFormatSchema.default('raw'),
    }),
    z.object({
      kind: z.literal('deploy'),
      platform: platformTargetSchema,
      name: nameSchema.nullable(),
      storage: absolutePathSchema.nullable(),
      start: z.boolean(),
    }),
  ]),
});
export type RestoreJob = z.output<typeof restoreJobSchema>;

export const maintenanceJobSchema = z.object({
  kind: z.literal('maintenance'),
  jobUuid: uuidSchema,
  engineUuid: uuidSchema,
  repository: repositoryTargetSchema,
  operation: operationSchema,
  /** Public signing keys by key ID (raw, base64) of the clients that may have signed a manifest. */
  signKeys: z.record(z.string().max(100), z.string().max(100)).default({}),
});
export type MaintenanceJob = z.output<typeof maintenanceJobSchema>;

export const jobKinds = ['backup', 'restore', 'maintenance'] as const;
export const jobSchema = z.discriminatedUnion('kind', [backupJobSchema, restoreJobSchema, maintenanceJobSchema]);
export type Job = z.output<typeof jobSchema>;
export type JobInput = z.input<typeof jobSchema>;

/** How one disk was read. Bytes. */
export const taskDiskSchema = z.object({
  id: z.string().max(255),
  mode: z.enum(['full', 'incremental', 'differential', 'restore']),
  /** Why it was read whole although only changes were asked for. */
  reason: readReasonSchema.nullable().default(null),
  /** Backup whose list its unchanged ranges come from. */
  baseBackupUuid: uuidSchema.nullable().default(null),
  plannedBytes: bytesSchema,
  bytesRead: bytesSchema,
  zeroBytes: bytesSchema,
  bytesStored: bytesSchema,
});
export type TaskDisk = z.output<typeof taskDiskSchema>;

/** The same as consoles see it: the number of the base instead of its UUID; null = none, or no record of it. */
export const taskDiskViewSchema = taskDiskSchema
  .omit({ baseBackupUuid: true })
  .extend({ baseBackupId: idSchema.nullable().default(null) });
export type TaskDiskView = z.output<typeof taskDiskViewSchema>;

/** Progress of a job (DETAILS 27): bytesTotal is the plan, null while unknown. */
export const jobProgressSchema = z.object({
  jobUuid: uuidSchema,
  step: stepSchema,
  bytesTotal: bytesSchema.nullable(),
  bytesDone: bytesSchema,
  bytesRead: bytesSchema,
  bytesStored: bytesSchema,
  disks: z.array(taskDiskSchema).max(1000),
});
export type JobProgress = z.output<typeof jobProgressSchema>;

/** What the engine must know of a finished backup to make its record, even if it never started it (DETAILS 9). */
export const backupResultSchema = z.object({
  backupUuid: uuidSchema,
  snapshotId: hexIdSchema,
  repositoryId: hexIdSchema,
  platformUuid: uuidSchema,
  objectUuid: uuidSchema,
  objectName: z.string().max(1024),
  ruleUuid: uuidSchema.nullable(),
  parentUuid: uuidSchema.nullable(),
  type: backupTypeSchema,
  createdAt: instantSchema,
  zone: z.string().max(100),
  consistency: consistencySchema,
  /** How long the guest stood still; null = it was not frozen. */
  frozenMilliseconds: z.number().int().nonnegative().nullable().default(null),
  /** What its disks were transformed with; null = with nothing. */
  transform: transformSchema.nullable().default(null),
  signKeyId: z.string().max(100).nullable(),
  manifestDigest: hexIdSchema,
  sizeBytes: bytesSchema,
  storedBytes: bytesSchema,
  disks: z.array(z.object({ id: z.string().max(255), sizeBytes: bytesSchema, digest: hexIdSchema })).max(1000),
});
export type BackupResult = z.output<typeof backupResultSchema>;

export const restoreResultSchema = z.union([
  z.object({ path: z.string().max(5000) }),
  z.object({ vmId: uuidSchema, vmName: z.string().max(1024) }),
]);
export type RestoreResult = z.output<typeof restoreResultSchema>;

export const jobOutcomes = ['done', 'warning', 'failed', 'cancelled'] as const;

/** The end of a job; kept by the agent until the engine has acknowledged it (DETAILS 8). */
export const jobResultSchema = z.object({
  jobUuid: uuidSchema,
  kind: z.enum(jobKinds),
  outcome: z.enum(jobOutcomes),
  startedAt: instantSchema,
  endedAt: instantSchema,
  warnings: z.array(z.string().max(4000)).max(1000),
  error: wireErrorSchema.nullable(),
  step: stepSchema,
  bytesTotal: bytesSchema.nullable(),
  bytesRead: bytesSchema,
  bytesStored: bytesSchema,
  disks: z.array(taskDiskSchema).max(1000),
  backup: backupResultSchema.nullable(),
  restore: restoreResultSchema.nullable(),
  maintenance: maintenanceResultSchema.nullable().default(null),
});
export type JobResult = z.output<typeof jobResultSchema>;
