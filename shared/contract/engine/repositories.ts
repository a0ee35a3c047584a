import { z } from 'zod';
import {
  keyExportSchema,
  repositoryKeySchema,
  repositoryLockSchema,
  repositoryStatsSchema,
} from '../../model/maintenance.ts';
import { emptySchema, hexIdSchema, refSchema, secret } from '../../schema.ts';
import { job, query, command } from '../method.ts';
import { startedSchema } from './rules.ts';

const poolParams = z.object({ pool: refSchema });

export const repositoriesContract = {
  'repositories.stats': query({ right: 'view', params: poolParams, result: repositoryStatsSchema, topics: ['pools'] }),
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
    result: z.object({ locks: z.array(repositoryLockSchema).max(1000) }),
    topics: ['pools'],
  }),
  /** Makes backups of points of ours that the repository holds and this engine does not know. */
  'repositories.adopt': command({
    right: 'administer',
    params: poolParams,
    result: z.object({ adopted: z.number().int(), known: z.number().int(), damaged: z.number().int() }),
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
};
