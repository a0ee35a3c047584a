import type { RepositoryPer } from '../../../shared/model/storage.ts';

/** Who maintains when no client is named, and what a new client means, by who shares a repository: names of texts. */
export const poolWords = {
  pool: { keeper: 'pool.anyClient', newcomers: 'pool.newClientsHelp' },
  group: { keeper: 'pool.eachGroupOwn', newcomers: 'pool.newClientsGroup' },
  client: { keeper: 'pool.eachOwn', newcomers: 'pool.newClientsOwn' },
} as const satisfies Record<RepositoryPer, { keeper: string; newcomers: string }>;
