import { z } from 'zod';
import {
  keyExportSchema,
  repositoryKeySchema,
  repositoryLockSchema,
  repositoryStatsSchema,
} from '../../model/maintenance.ts';
import { diffCursorSchema, diffPageSchema } from '../../model/diff.ts';
import {
  backupResultSchema,
  jobSchema,
  platformTargetSchema,
  pointHintSchema,
  repositoryTargetSchema,
} from '../../model/job.ts';
import { inventoryObjectSchema } from '../../model/vm.ts';
import {
  absolutePathSchema,
  bytesSchema,
  checkSchema,
  emptySchema,
  hexIdSchema,
  secret,
  uuidSchema,
} from '../../schema.ts';
import { command, query } from '../method.ts';

const capacity = { freeBytes: bytesSchema.nullable(), totalBytes: bytesSchema.nullable() };

/** engine → agent. All calls come over a link whose certificates are pinned; rights are the engine's matter. */
export const agentContract = {
  'platforms.test': query({
    right: 'none',
    params: z.object({ platform: platformTargetSchema }),
    result: z.object({ checks: z.array(checkSchema) }),
  }),
  /** The inventory in pages of at most 500; `from` is the index of the first row (DESIGN §4: unbounded lists travel in pages). */
  'platforms.inventory': query({
    right: 'none',
    params: z.object({ platform: platformTargetSchema, from: z.number().int().min(0) }),
    result: z.object({ objects: z.array(inventoryObjectSchema).max(500), total: z.number().int() }),
  }),
  /** Opens the repository, or creates it in an absent or empty folder when `create` is set. */
  'pools.prepare': command({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema, create: z.boolean() }),
    result: z.object({ repositoryId: hexIdSchema, created: z.boolean(), ...capacity }),
  }),
  'pools.test': query({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema }),
    result: z.object({ checks: z.array(checkSchema), ...capacity }),
  }),
  /** Space where a directory lies; needs no password. */
  'pools.capacity': query({
    right: 'none',
    params: z.object({ path: absolutePathSchema }),
    result: z.object(capacity),
  }),
  'repositories.stats': query({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema }),
    result: repositoryStatsSchema,
  }),
  'repositories.locks': command({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema, removeStale: z.boolean() }),
    result: z.object({ locks: z.array(repositoryLockSchema).max(1000) }),
  }),
  /** Points of ours that the repository holds, as their backups reported them; `from` is the index of the first snapshot. */
  'repositories.points': query({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema, from: z.number().int().min(0) }),
    result: z.object({
      points: z.array(backupResultSchema).max(100),
      /** Snapshots that call themselves ours and cannot be read. */
      damaged: z.array(hexIdSchema).max(100),
      /** Where the next page begins; null at the end. */
      next: z.number().int().nullable(),
    }),
  }),
  'repositories.keys': query({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema }),
    result: z.object({ keys: z.array(repositoryKeySchema).max(1000) }),
  }),
  /** Lets one more password open the repository. */
  'repositories.addKey': command({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema, password: secret() }),
    result: z.object({ id: hexIdSchema }),
  }),
  /** Takes one away; never the one that the repository is opened with. */
  'repositories.removeKey': command({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema, key: hexIdSchema }),
    result: emptySchema,
  }),
  'repositories.exportKey': query({
    right: 'none',
    params: z.object({ repository: repositoryTargetSchema, key: hexIdSchema.optional() }),
    result: keyExportSchema,
  }),
  /** What differs between two points of one VM in one repository. */
  'backups.diff': query({
    right: 'none',
    params: z.object({
      repository: repositoryTargetSchema,
      objectUuid: uuidSchema,
      points: z.tuple([pointHintSchema, pointHintSchema]),
      cursor: diffCursorSchema.optional(),
    }),
    result: diffPageSchema,
  }),
  /** Thaws a guest that a backup left frozen. */
  'guests.thaw': command({
    right: 'none',
    params: z.object({ platform: platformTargetSchema, objectUuid: uuidSchema }),
    result: emptySchema,
  }),
  /** Answers once the job is journalled; its end comes by `results.report`. */
  'jobs.start': command({
    right: 'none',
    params: z.object({ job: jobSchema }),
    result: z.object({ accepted: z.literal(true) }),
  }),
  'jobs.cancel': command({
    right: 'none',
    params: z.object({ jobUuid: uuidSchema }),
    result: z.object({ known: z.boolean() }),
  }),
  'agent.ping': query({ right: 'none', params: emptySchema, result: emptySchema }),
} as const;
export type AgentContract = typeof agentContract;
