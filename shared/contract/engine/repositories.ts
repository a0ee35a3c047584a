import { z } from 'zod';
import { repositoryLockSchema, repositoryStatsSchema } from '../../model/maintenance.ts';
import { refSchema } from '../../schema.ts';
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
};
