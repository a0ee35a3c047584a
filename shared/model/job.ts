import { z } from 'zod';
import { wireErrorSchema } from '../errors.ts';
import { platformKinds } from '../platforms/all.ts';
import {
  absolutePathSchema,
  bytesSchema,
  hexIdSchema,
  instantSchema,
  nameSchema,
  secret,
  uuidSchema,
} from '../schema.ts';
import { stepSchema } from './task.ts';

/** A platform as the agent needs it; settings are checked again by the platform's own schema. */
export const platformTargetSchema = z.object({
  uuid: uuidSchema,
  kind: z.enum(platformKinds),
  name: nameSchema,
  settings: z.record(z.string(), z.unknown()),
});
export type PlatformTarget = z.output<typeof platformTargetSchema>;

/** A repository as the agent needs it; the password lives in memory only. */
export const repositoryTargetSchema = z.object({
  kind: z.literal('local'),
  path: absolutePathSchema,
  password: secret(),
  /** restic's repository ID; null before the pool was prepared. */
  repositoryId: hexIdSchema.nullable(),
});
export type RepositoryTarget = z.output<typeof repositoryTargetSchema>;

export const backupTypes = ['full'] as const;
export const backupTypeSchema = z.enum(backupTypes);

const jobBase = {
  jobUuid: uuidSchema,
  backupUuid: uuidSchema,
  engineUuid: uuidSchema,
  objectUuid: uuidSchema,
  repository: repositoryTargetSchema,
};

export const backupJobSchema = z.object({
  kind: z.literal('backup'),
  ...jobBase,
  platform: platformTargetSchema,
  objectName: z.string(),
  client: z.object({ hwid: z.string(), name: z.string() }),
  rule: z.object({ uuid: uuidSchema, name: nameSchema }).nullable(),
  type: backupTypeSchema,
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
    z.object({ kind: z.literal('directory'), path: absolutePathSchema }),
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

export const jobSchema = z.discriminatedUnion('kind', [backupJobSchema, restoreJobSchema]);
export type Job = z.output<typeof jobSchema>;
export type JobInput = z.input<typeof jobSchema>;

/** How one disk was read. Bytes. */
export const taskDiskSchema = z.object({
  id: z.string().max(255),
  mode: z.enum(['full', 'incremental', 'differential', 'restore']),
  plannedBytes: bytesSchema,
  bytesRead: bytesSchema,
  zeroBytes: bytesSchema,
  bytesStored: bytesSchema,
});
export type TaskDisk = z.output<typeof taskDiskSchema>;

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
  consistency: z.enum(['crash', 'filesystem', 'application', 'inconsistent']),
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
  kind: z.enum(['backup', 'restore']),
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
});
export type JobResult = z.output<typeof jobResultSchema>;
