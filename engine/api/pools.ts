import type { poolsContract } from '../../shared/contract/engine/pools.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
import { listGroups } from '../database/groups.ts';
import { insertLog } from '../database/logs.ts';
import {
  assertPoolNameFree,
  deletePool,
  getPool,
  insertPool,
  listPools,
  type PoolRow,
  poolUsage,
  saveCapacity,
  updatePool,
} from '../database/pools.ts';
import { openersOf, type RepositoryRow, type Seal } from '../database/repositories.ts';
import { locationOf } from '../../shared/model/storage.ts';
import type { EngineCore } from '../core.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { adoptFirst } from './adopt-first.ts';
import { namesOfOwner } from './chosen-repositories.ts';
import { servingClients } from './client-views.ts';
import { checkClients } from './check-clients.ts';
import { type ApiContext, userName } from './context.ts';
import { withKeptCredential } from './kept-credential.ts';
import { authorizedClientIds } from './platforms.ts';
import { prepareMoves, prepareRepositories, secretsOfMoves } from './pool-repositories.ts';
import { prepareMs, withoutCredential } from './prepare-pool.ts';

async function viewsOf(core: EngineCore, pools: readonly PoolRow[]) {
  const [clients, groups] = await Promise.all([listClients(core.db), listGroups(core.db)]);
  const usage = await poolUsage(core.db);
  const repositoryView = ({ id, clientId, groupId, resticId, address }: RepositoryRow) => ({
    id,
    clientId,
    groupId,
    ...namesOfOwner({ clientId, groupId }, { clients, groups }),
    place: locationOf(address),
    repositoryId: resticId,
  });
  return pools.map(({ clientIds, repositories, groups: _groups, ...pool }) => ({
    ...pool,
    repositoryId: repositories[0].resticId,
    repositories: repositories.map(repositoryView),
    clients: servingClients(clientIds, clients, core.registry),
    ...(usage.get(pool.id) ?? { backupCount: 0, objectCount: 0, storedBytes: 0 }),
  }));
}

async function viewOf(core: EngineCore, pool: PoolRow) {
  const [view] = await viewsOf(core, [pool]);
  if (view === undefined) throw new Error('unreachable: one pool gives one view');
  return view;
}

async function note(context: ApiContext, message: string): Promise<void> {
  await insertLog(context.core.db, { level: 'info', source: 'engine', message, user: userName(context) });
  for (const topic of ['pools', 'logs'] as const) context.core.changes.announce(topic);
}

function sealOf({ vault }: EngineCore): Seal {
  return (secret, owner) => vault.seal(secret, owner);
}

/** Number of a client that must be among those of the pool. @throws AppError notFound, invalidValue */
async function oneOf(core: EngineCore, clientIds: readonly number[], ref: string | null): Promise<number | null> {
  if (ref === null) return null;
  const id = await findId(core.db, 'clients', ref, 'client');
  if (clientIds.includes(id)) return id;
  throw new AppError('invalidValue', `client "${ref}" is none of the clients of the pool`, {
    field: 'maintenanceClient',
  });
}

/** The maintenance client, unless it no longer is a client of the pool. */
function keptClient({ maintenanceClientId }: PoolRow, clientIds: readonly number[]): string | null {
  return maintenanceClientId !== null && clientIds.includes(maintenanceClientId) ? String(maintenanceClientId) : null;
}

export const poolsApi: Handlers<typeof poolsContract, ApiContext> = {
  async 'pools.list'(_params, { core }) {
    const rows = await viewsOf(core, await listPools(core.db));
    return { rows, total: rows.length };
  },
  async 'pools.add'(
    { name, clients, storage, password, repositoryPer, write, maintenanceClient },
    context,
    { signal },
  ) {
    const { core } = context;
    await assertPoolNameFree(core.db, name);
    const clientIds = await authorizedClientIds(core, clients);
    const maintenanceClientId = await oneOf(core, clientIds, maintenanceClient ?? null);
    const serving = { clientIds, maintenanceClientId, repositoryPer };
    const repositories = await prepareRepositories(core, { ...serving, storage, password });
    const { address, credential } = withoutCredential(storage);
    const { freeBytes = null, totalBytes = null } = repositories[0]?.prepared ?? {};
    const fields = { name, address, write, ...serving, repositories, freeBytes, totalBytes };
    const id = await insertPool(core.db, fields, { password, credential }, sealOf(core));
    await note(context, `pool "${name}" at ${locationOf(address)} was added`);
    const adopted = await adoptFirst(context, id, repositories, signal);
    return { ...(await viewOf(core, await getPool(core.db, id))), adopted };
  },
  async 'pools.edit'(
    { pool, clients, maintenanceClient, storage: wanted, password, name, write },
    context,
    { signal },
  ) {
    const { core } = context;
    const row = await getPool(core.db, await findId(core.db, 'pools', pool, 'pool'));
    const clientIds = clients === undefined ? row.clientIds : await authorizedClientIds(core, clients);
    const wantedClient = maintenanceClient === undefined ? keptClient(row, clientIds) : maintenanceClient;
    const maintenanceClientId = await oneOf(core, clientIds, wantedClient);
    const storage = wanted && (await withKeptCredential(core, row, wanted));
    const moves = { clientIds, maintenanceClientId, groups: row.groups, storage, password };
    const { repositories, credential } = await prepareMoves(core, row, moves);
    const address = storage && withoutCredential(storage).address;
    const changes = { name, write, clientIds: clients && clientIds, maintenanceClientId, address };
    const secrets = secretsOfMoves(core, row, moves);
    await updatePool(core.db, row, changes, { secrets, repositories, credential, seal: sealOf(core) });
    const what = Object.entries({ name, write, clients, storage, password, maintenanceClient });
    const named = what.filter(([, value]) => value !== undefined).map(([key]) => key);
    await note(context, `pool "${row.name}" was changed: ${named.join(', ')}`);
    await adoptFirst(context, row.id, repositories, signal);
    return viewOf(core, await getPool(core.db, row.id));
  },
  async 'pools.test'({ pool }, { core }) {
    const row = await getPool(core.db, await findId(core.db, 'pools', pool, 'pool'));
    const checks = [];
    for (const repository of row.repositories) {
      const target = await repositoryTarget(core, repository);
      const openers = openersOf(row, repository);
      const found = await checkClients(core, openers, async (peer) => {
        const answer = await peer.call('pools.test', { repository: target }, { timeoutMs: prepareMs });
        await saveCapacity(core.db, row.id, answer.freeBytes, answer.totalBytes);
        return answer.checks;
      });
      checks.push(...found);
    }
    core.changes.announce('pools', [row.id]);
    return { checks };
  },
  async 'pools.remove'({ pool }, context) {
    const { core } = context;
    const row = await getPool(core.db, await findId(core.db, 'pools', pool, 'pool'));
    await deletePool(core.db, row);
    await note(context, `pool "${row.name}" was removed; its files at ${row.path} stay`);
    for (const topic of ['backups', 'objects'] as const) core.changes.announce(topic);
    return {};
  },
};
