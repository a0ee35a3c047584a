import type { poolsContract } from '../../shared/contract/engine/pools.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError, messageOf } from '../../shared/errors.ts';
import { repositoryTargetSchema } from '../../shared/model/job.ts';
import { listClients } from '../database/clients.ts';
import { findId } from '../database/find.ts';
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
  secretOwner,
  updatePool,
} from '../database/pools.ts';
import { locationOf, type StorageTarget } from '../../shared/model/storage.ts';
import type { Secret } from '../../shared/schema.ts';
import type { EngineCore } from '../core.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { adoptPoints } from './adopt-points.ts';
import { servingClients } from './client-views.ts';
import { checkClients } from './check-clients.ts';
import { type ApiContext, userName } from './context.ts';
import { authorizedClientIds } from './platforms.ts';
import { prepareMs, prepareOnAll, type Wanted, withoutCredential } from './prepare-pool.ts';

async function viewsOf(core: EngineCore, pools: readonly PoolRow[]) {
  const [clients, usage] = await Promise.all([listClients(core.db), poolUsage(core.db)]);
  return pools.map(({ clientIds, repository, ...pool }) => ({
    ...pool,
    repositoryId: repository.resticId,
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

/** The repository was there before: what it holds of ours becomes backups. That it cannot be read now is no reason to fail. */
async function adoptFirst(context: ApiContext, poolId: number, name: string): Promise<number> {
  try {
    const { adopted, damaged } = await adoptPoints(context.core, poolId);
    if (adopted + damaged > 0)
      await note(context, `pool "${name}": ${adopted} points were taken over, ${damaged} cannot be read`);
    context.core.changes.announce('backups');
    return adopted;
  } catch (error) {
    await note(context, `pool "${name}": its points could not be taken over: ${messageOf(error)}`);
    return 0;
  }
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

/** Where the repository of a pool will be, with what is not given taken from the pool. */
async function wantedPlace(
  core: EngineCore,
  row: PoolRow,
  storage: StorageTarget | undefined,
  password: Secret | undefined,
): Promise<Wanted> {
  if (storage !== undefined && storage.kind !== row.kind)
    throw new AppError('invalidValue', `the pool is ${row.kind}; that cannot be changed`, { field: 'storage' });
  const known = repositoryTargetSchema.parse(await repositoryTarget(core, row.id));
  return {
    storage: storage ?? known.storage,
    password: password ?? known.password,
    repositoryId: row.repository.resticId,
  };
}

export const poolsApi: Handlers<typeof poolsContract, ApiContext> = {
  async 'pools.list'(_params, { core }) {
    const rows = await viewsOf(core, await listPools(core.db));
    return { rows, total: rows.length };
  },
  async 'pools.add'({ name, clients, storage, password, write, maintenanceClient }, context) {
    const { core } = context;
    await assertPoolNameFree(core.db, name);
    const clientIds = await authorizedClientIds(core, clients);
    const maintenanceClientId = await oneOf(core, clientIds, maintenanceClient ?? null);
    const prepared = await prepareOnAll(core, clientIds, { storage, password, repositoryId: null });
    const { address, credential } = withoutCredential(storage);
    const { repositoryId: resticId, freeBytes, totalBytes } = prepared;
    const fields = { name, address, write, clientIds, maintenanceClientId, resticId, freeBytes, totalBytes };
    const seal = (secret: Secret, owner: string) => core.vault.seal(secret, owner);
    const id = await insertPool(core.db, fields, { password, credential }, seal);
    await note(context, `pool "${name}" at ${locationOf(address)} was added`);
    const adopted = prepared.created ? 0 : await adoptFirst(context, id, name);
    return { ...(await viewOf(core, await getPool(core.db, id))), adopted };
  },
  async 'pools.edit'({ pool, clients, maintenanceClient, storage, password, name, write }, context) {
    const { core } = context;
    const row = await getPool(core.db, await findId(core.db, 'pools', pool, 'pool'));
    const clientIds = clients === undefined ? row.clientIds : await authorizedClientIds(core, clients);
    const wantedClient = maintenanceClient === undefined ? keptClient(row, clientIds) : maintenanceClient;
    const maintenanceClientId = await oneOf(core, clientIds, wantedClient);
    const newcomers = clientIds.filter((id) => !row.clientIds.includes(id));
    const isElsewhere = storage !== undefined || password !== undefined;
    const target = isElsewhere || newcomers.length > 0 ? await wantedPlace(core, row, storage, password) : undefined;
    if (target !== undefined) await prepareOnAll(core, isElsewhere ? clientIds : newcomers, target);
    const moved = storage === undefined ? undefined : withoutCredential(storage);
    const owner = secretOwner(row.repository.id);
    const secrets = { ...(password && { password }), ...(moved?.credential && { credential: moved.credential }) };
    const sealed = Object.entries(secrets).map(([kind, secret]) => [kind, core.vault.seal(secret, owner)] as const);
    const changes = { name, write, clientIds: clients && clientIds, maintenanceClientId, address: moved?.address };
    await updatePool(core.db, row, changes, Object.fromEntries(sealed));
    const what = Object.entries({ name, write, clients, storage, password, maintenanceClient });
    const named = what.filter(([, value]) => value !== undefined).map(([key]) => key);
    await note(context, `pool "${row.name}" was changed: ${named.join(', ')}`);
    return viewOf(core, await getPool(core.db, row.id));
  },
  async 'pools.test'({ pool }, { core }) {
    const row = await getPool(core.db, await findId(core.db, 'pools', pool, 'pool'));
    const repository = await repositoryTarget(core, row.id);
    const checks = await checkClients(core, row.clientIds, async (peer) => {
      const answer = await peer.call('pools.test', { repository }, { timeoutMs: prepareMs });
      await saveCapacity(core.db, row.id, answer.freeBytes, answer.totalBytes);
      return answer.checks;
    });
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
