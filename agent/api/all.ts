import { type AgentContract, agentContract } from '../../shared/contract/agent/all.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import type { PlatformTarget } from '../../shared/model/job.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { createPlatform } from '../platforms/all.ts';
import { capacityOf } from './capacity.ts';
import type { AgentContext } from './context.ts';
import { findPoints } from '../jobs/found-points.ts';
import { locationOf } from '../../shared/model/storage.ts';
import { diffPoints } from '../jobs/diff-points.ts';
import { preparePool, testPool } from './pools.ts';
import { addKey, exportKey, listKeys, listLocks, removeKey, repositoryStats } from './repositories.ts';

/** The inventory travels in pages (DESIGN §4). */
const pageSize = 500;

function open(target: PlatformTarget, { roots }: AgentContext) {
  return createPlatform(target.kind, target.settings, { uuid: target.uuid, name: target.name, roots });
}

const handlers: Handlers<AgentContract, AgentContext> = {
  async 'platforms.test'({ platform }, context, { signal }) {
    return { checks: await open(platform, context).test(signal) };
  },
  async 'platforms.inventory'({ platform, from }, context, { signal }) {
    const objects = await open(platform, context).listObjects(signal);
    return { objects: objects.slice(from, from + pageSize), total: objects.length };
  },
  'pools.prepare': ({ repository, create }, context) => preparePool(context, repository, create),
  'pools.test': ({ repository }, context) => testPool(context, repository),
  'pools.capacity': ({ path }) => capacityOf(path),
  'repositories.stats': ({ repository }, context, { signal }) => repositoryStats(context, repository, signal),
  'repositories.locks': ({ repository, removeStale }, context) => listLocks(context, repository, removeStale),
  'repositories.points': ({ repository: target, from }, { repositories }, { signal }) =>
    repositories.use(target, (repository) =>
      findPoints(repository, { from, location: locationOf(target.storage), signal }),
    ),
  'repositories.keys': ({ repository }, context) => listKeys(context, repository),
  'repositories.addKey': ({ repository, password }, context) => addKey(context, repository, password),
  'repositories.removeKey': ({ repository, key }, context) => removeKey(context, repository, key),
  'repositories.exportKey': ({ repository, key }, context) => exportKey(context, repository, key),
  'backups.diff': ({ repository, objectUuid, points, cursor }, context, { signal }) =>
    diffPoints(context, { repository, objectUuid, points, cursor }, signal),
  async 'guests.thaw'({ platform, objectUuid }, context, { signal }) {
    await open(platform, context).thaw(objectUuid, signal);
    return {};
  },
  async 'jobs.start'({ job }, { runner }) {
    await runner.start(job);
    return { accepted: true };
  },
  async 'jobs.cancel'({ jobUuid }, { runner }) {
    return { known: runner.cancel(jobUuid) };
  },
  'agent.ping': () => Promise.resolve({}),
};

/** Who may call is settled by the pinned certificate of the link (DESIGN §4). */
export const dispatchAgentApi = createDispatcher<AgentContract, AgentContext>(agentContract, handlers, () => undefined);
