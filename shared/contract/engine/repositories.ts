import { z } from 'zod';
import {
  keyExportSchema,
  repositoryKeySchema,
  repositoryLockSchema,
  repositoryStatsSchema,
} from '../../model/maintenance.ts';
import { wireErrorSchema } from '../../errors.ts';
import { emptySchema, hexIdSchema, refSchema, secret } from '../../schema.ts';
import { job, query, command } from '../method.ts';
import { startedSchema } from './rules.ts';

/**
 * With a client: the repository that is this client's own. With a client group: that of the group. Without both: every
 * repository of the pool, or its only one.
 */
const poolParams = z.object({ pool: refSchema, client: refSchema.optional(), group: refSchema.optional() });

/** Whose backups a repository holds: of one client, or of one client group; neither = those of all clients. */
const ownerNames = { client: z.string().nullable(), group: z.string().nullable() };

/** A repository that could not be asked, with the reason; the rest of an answer is about the others. */
const unansweredSchema = z.object({
  ...ownerNames,
  place: z.string(),
  error: wireErrorSchema,
});
export type Unanswered = z.output<typeof unansweredSchema>;

/** Only where there are several: one that cannot be asked fails the whole request. */
const unanswered = { unanswered: z.array(unansweredSchema) };

/** The sums; `repositoryId` is null when there are several. */
const poolStatsSchema = repositoryStatsSchema.extend({
  repositoryId: hexIdSchema.nullable(),
  repositories: z.array(
    repositoryStatsSchema.extend({
      ...ownerNames,
      place: z.string(),
    }),
  ),
  ...unanswered,
});

export const repositoriesContract = {
  'repositories.stats': query({ right: 'view', params: poolParams, result: poolStatsSchema, topics: ['pools'] }),
  'repositories.check': job({
    right: 'operate',
    params: poolParams.extend({ readPercent: z.number().min(0).max(100).default(0) }),
    result: startedSchema,
    topics: ['tasks'],
  }),
  /** Frees what no point uses any more. */
  'repositories.prune': job({
    right: 'administer',
    params: poolParams.extend({
      dryRun: z.boolean().default(false),
      maxUnusedPercent: z.number().min(0).max(100).default(5),
    }),
    result: startedSchema,
    topics: ['tasks'],
  }),
  'repositories.rebuildIndex': job({
    right: 'administer',
    params: poolParams,
    result: startedSchema,
    topics: ['tasks'],
  }),
  'repositories.locks': command({
    right: 'operate',
    params: poolParams.extend({ removeStale: z.boolean().default(false) }),
    result: z.object({ locks: z.array(repositoryLockSchema.extend(ownerNames)), ...unanswered }),
    topics: ['pools'],
  }),
  /** Makes backups of points of ours that the repository holds and this engine does not know. */
  'repositories.adopt': command({
    right: 'administer',
    params: poolParams,
    result: z.object({
      adopted: z.number().int(),
      known: z.number().int(),
      damaged: z.number().int(),
      ...unanswered,
    }),
    topics: ['backups', 'pools'],
  }),
  /** The passwords that open the repository. */
  'repositories.keys': query({
    right: 'administer',
    params: poolParams,
    result: z.object({ keys: z.array(repositoryKeySchema).max(1000) }),
    topics: ['pools'],
  }),
  'repositories.addKey': command({
    right: 'administer',
    params: poolParams.extend({ password: secret() }),
    result: z.object({ id: hexIdSchema }),
    topics: ['pools'],
  }),
  /** Refused for the key of the password that the pool keeps. */
  'repositories.removeKey': command({
    right: 'administer',
    params: poolParams.extend({ key: z.string().regex(/^[0-9a-f]{8,64}$/u) }),
    result: emptySchema,
    topics: ['pools'],
  }),
  /** The new password becomes the one that the pool keeps; the key of the old one goes. */
  'repositories.changePassword': command({
    right: 'administer',
    params: poolParams.extend({ password: secret() }),
    /** Null when the old key could not be removed yet: `problem` says why. */
    result: z.object({ id: hexIdSchema, removed: hexIdSchema.nullable(), problem: z.string().nullable() }),
    topics: ['pools'],
  }),
  /** For paper. Not a query: the page keeps the answers of those. */
  'repositories.exportKey': command({
    right: 'administer',
    params: poolParams,
    result: keyExportSchema,
    topics: [],
  }),
  /** The password of one client's or group's repository, which is made of the pool's: for restic without us. */
  'repositories.password': command({
    right: 'administer',
    params: poolParams,
    result: z.object({ place: z.string(), repositoryId: hexIdSchema, password: z.string() }),
    topics: [],
  }),
};
