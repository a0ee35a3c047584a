import type { poolsContract } from '../../shared/contract/engine/pools.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { getClient, listClients } from '../database/clients.ts';
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
  saveWriteOptions,
} from '../database/pools.ts';
import {
  locationOf,
  type StorageAddress,
  type StorageTarget,
  type StorageTargetInput,
} from '../../shared/model/storage.ts';
import type { Secret } from '../../shared/schema.ts';
import type { EngineCore } from '../core.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { servingClients } from './client-views.ts';
import { checkClients } from './check-clients.ts';
import { type ApiContext, userName } from './context.ts';
import { authorizedClientIds } from './platforms.ts';

/** Opening a repository costs a deliberate half second of scrypt, more on a slow machine. */
const prepareMs = 60_000;

async function viewsOf(core: EngineCore, pools: readonly PoolRow[]) {
  const [clients, usage] = await Promise.all([listClients(core.db), poolUsage(core.db)]);
  return pools.map(({ clientIds, repository, ...pool }) => ({
    ...pool,
    repositoryId: repository.resticId,
    clients: servingClients(clientIds, clients, core.registry),
    ...(usage.get(pool.id) ?? { backupCount: 0, objectCount: 0, storedBytes: 0 }),
  }));
}

/** As it goes to an agent: over a pinned link only. */
function onWire(storage: StorageTarget): StorageTargetInput {
  return storage.kind === 'local' ? storage : { ...storage, credential: storage.credential?.reveal() ?? null };
}

function withoutCredential(storage: StorageTarget): { address: StorageAddress; credential: Secret | null } {
  if (storage.kind === 'local') return { address: storage, credential: null };
  const { credential, ...address } = storage;
  return { address, credential };
}

async function viewOf(core: EngineCore, pool: PoolRow) {
  const [view] = await viewsOf(core, [pool]);
  if (view === undefined) throw new Error('unreachable: one pool gives one view');
  return view;
}

interface Prepared {
  repositoryId: string;
  freeBytes: number | null;
  totalBytes: number | null;
}

/** Lets each client open the repository; the first may create it (DETAILS 16). @throws AppError notSameRepository */
async function prepareOnAll(
  core: EngineCore,
  clientIds: readonly number[],
  storage: StorageTarget,
  password: Secret,
): Promise<Prepared> {
  let first: Prepared | undefined;
  for (const clientId of clientIds) {
    const client = await getClient(core.db, clientId);
    const repository = {
      storage: onWire(storage),
      password: password.reveal(),
      repositoryId: first?.repositoryId ?? null,
    };
    const peer = core.registry.get(client.id, client.name);
    const answer = await peer.call(
      'pools.prepare',
      { repository, create: first === undefined },
      { timeoutMs: prepareMs },
    );
    if (first !== undefined && first.repositoryId !== answer.repositoryId) {
      throw new AppError(
        'notSameRepository',
        `${locationOf(storage)} on client "${client.name}" is another repository`,
        {
          field: 'clients',
        },
      );
    }
    first ??= answer;
  }
  if (first === undefined) throw new AppError('invalidValue', 'a pool needs at least one client', { field: 'clients' });
  return first;
}

export const poolsApi: Handlers<typeof poolsContract, ApiContext> = {
  async 'pools.list'(_params, { core }) {
    const rows = await viewsOf(core, await listPools(core.db));
    return { rows, total: rows.length };
  },
  async 'pools.add'({ name, clients, storage, password, write }, context) {
    const { core } = context;
    await assertPoolNameFree(core.db, name);
    const clientIds = await authorizedClientIds(core, clients);
    const prepared = await prepareOnAll(core, clientIds, storage, password);
    const { address, credential } = withoutCredential(storage);
    const fields = {
      name,
      address,
      write,
      clientIds,
      resticId: prepared.repositoryId,
      freeBytes: prepared.freeBytes,
      totalBytes: prepared.totalBytes,
    };
    const seal = (secret: Secret, owner: string) => core.vault.seal(secret, owner);
    const id = await insertPool(core.db, fields, { password, credential }, seal);
    await insertLog(core.db, {
      level: 'info',
      source: 'engine',
      message: `pool "${name}" at ${locationOf(address)} was added`,
      user: userName(context),
    });
    for (const topic of ['pools', 'logs'] as const) core.changes.announce(topic);
    return viewOf(core, await getPool(core.db, id));
  },
  async 'pools.edit'({ pool, write }, context) {
    const { core } = context;
    const id = await findId(core.db, 'pools', pool, 'pool');
    await saveWriteOptions(core.db, id, write);
    const row = await getPool(core.db, id);
    await insertLog(core.db, {
      level: 'info',
      source: 'engine',
      message: `pool "${row.name}" was changed: ${JSON.stringify(write)}`,
      user: userName(context),
    });
    for (const topic of ['pools', 'logs'] as const) core.changes.announce(topic);
    return viewOf(core, row);
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
    await insertLog(core.db, {
      level: 'info',
      source: 'engine',
      message: `pool "${row.name}" was removed; its files at ${row.path} stay`,
      user: userName(context),
    });
    for (const topic of ['pools', 'backups', 'objects', 'logs'] as const) core.changes.announce(topic);
    return {};
  },
};
