import { AppError } from '../../shared/errors.ts';
import { repositoryTargetSchema } from '../../shared/model/job.ts';
import { placeBelow, type RepositoryPer, type StorageTarget } from '../../shared/model/storage.ts';
import type { Secret } from '../../shared/schema.ts';
import type { EngineCore } from '../core.ts';
import { getClient } from '../database/clients.ts';
import type { PoolRow } from '../database/pools.ts';
import {
  type NewRepository,
  openersOf,
  poolSecretOwner,
  type RepositoryRow,
  type SealedSecret,
  secretOwner,
} from '../database/repositories.ts';
import { getSecret } from '../database/secrets.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { type Prepared, prepareOnAll, withoutCredential } from './prepare-pool.ts';
import { placeOfClient, repositoryPassword } from './repository-password.ts';

/** A repository that is there now, and what its clients found. */
export interface PreparedRepository extends NewRepository {
  prepared: Prepared;
}

/** Where the repositories of a pool lie and what their passwords are made of. */
interface PoolPlace {
  storage: StorageTarget;
  password: Secret;
}

interface Wishes extends PoolPlace {
  repositoryPer: RepositoryPer;
  clientIds: readonly number[];
  maintenanceClientId: number | null;
}

/** Makes or opens the repositories of a new pool. @throws AppError notSameRepository, wrongPassword, clientOffline */
export async function prepareRepositories(core: EngineCore, wishes: Wishes): Promise<PreparedRepository[]> {
  const { repositoryPer, clientIds, storage, password } = wishes;
  if (repositoryPer === 'client') return prepareForClients(core, wishes, wishes, []);
  const prepared = await prepareOnAll(core, clientIds, { storage, password, repositoryId: null });
  return [{ clientId: null, place: null, password, resticId: prepared.repositoryId, prepared }];
}

/** One for each client, which opens it first; the maintenance client must open it too. */
async function prepareForClients(
  core: EngineCore,
  { storage, password: poolPassword }: PoolPlace,
  { clientIds, maintenanceClientId }: Pick<Wishes, 'clientIds' | 'maintenanceClientId'>,
  present: ReadonlyArray<Pick<RepositoryRow, 'place'>>,
): Promise<PreparedRepository[]> {
  const made: PreparedRepository[] = [];
  for (const clientId of clientIds) {
    const client = await getClient(core.db, clientId);
    const place = placeOfClient(client);
    if ([...present, ...made].some((other) => other.place === place))
      throw new AppError('invalidValue', `two clients would share the place "${place}"`, { field: 'clients' });
    const password = repositoryPassword(poolPassword, place);
    const openers = new Set([clientId, maintenanceClientId ?? clientId]);
    const wanted = { storage: placeBelow(storage, place), password, repositoryId: null };
    const prepared = await prepareOnAll(core, [...openers], wanted);
    made.push({ clientId, place, password, resticId: prepared.repositoryId, prepared });
  }
  return made;
}

/** Who serves a pool from now on, and where it lies; undefined = as before. */
export interface Moves {
  clientIds: readonly number[];
  maintenanceClientId: number | null;
  storage: StorageTarget | undefined;
  password: Secret | undefined;
}

/** Repositories of clients that had none, with what opens their storage. */
interface Newcomers {
  repositories: PreparedRepository[];
  credential: Secret | null;
}

/** Lets every client open what is new to it. @throws AppError invalidValue, notSameRepository, wrongPassword, clientOffline */
export async function prepareMoves(core: EngineCore, pool: PoolRow, moves: Moves): Promise<Newcomers> {
  const { clientIds, maintenanceClientId, storage, password } = moves;
  if (storage !== undefined && storage.kind !== pool.kind)
    throw new AppError('invalidValue', `the pool is ${pool.kind}; that cannot be changed`, { field: 'storage' });
  const isElsewhere = storage !== undefined || password !== undefined;
  for (const repository of pool.repositories) {
    const before = openersOf(pool, repository);
    const after = openersOf({ ...pool, clientIds, maintenanceClientId }, repository);
    const openers = isElsewhere ? after : after.filter((id) => !before.includes(id));
    if (openers.length > 0) await prepareOnAll(core, openers, await wantedPlace(core, pool, repository, moves));
  }
  return prepareNewcomers(core, pool, moves);
}

async function prepareNewcomers(core: EngineCore, pool: PoolRow, moves: Moves): Promise<Newcomers> {
  const owners = pool.repositories.map(({ clientId }) => clientId);
  const without = moves.clientIds.filter((id) => !owners.includes(id));
  if (pool.repositoryPer === 'pool' || without.length === 0) return { repositories: [], credential: null };
  const known = await repositoryTarget(core, { ...pool.repositories[0], address: pool.address });
  const storage = moves.storage ?? repositoryTargetSchema.parse(known).storage;
  const owner = poolSecretOwner(pool.id);
  const password = moves.password ?? core.vault.open(await getSecret(core.db, owner, 'password'), owner);
  const serving = { clientIds: without, maintenanceClientId: moves.maintenanceClientId };
  const repositories = await prepareForClients(core, { storage, password }, serving, pool.repositories);
  return { repositories, credential: withoutCredential(storage).credential };
}

/** Where a repository will be, with what is not given taken from the pool. */
async function wantedPlace(core: EngineCore, pool: PoolRow, repository: RepositoryRow, { storage, password }: Moves) {
  const known = repositoryTargetSchema.parse(await repositoryTarget(core, repository));
  return {
    storage: storage === undefined ? known.storage : placeBelow(storage, repository.place),
    password: password === undefined ? known.password : passwordOf(pool, repository, password),
    repositoryId: repository.resticId,
  };
}

function passwordOf(pool: PoolRow, { place }: RepositoryRow, password: Secret): Secret {
  return place === null || pool.repositoryPer === 'pool' ? password : repositoryPassword(password, place);
}

/** What opens the repositories from now on. */
export function secretsOfMoves(core: EngineCore, pool: PoolRow, { storage, password }: Moves): SealedSecret[] {
  const credential = storage === undefined ? null : withoutCredential(storage).credential;
  const seal = (owner: string, name: SealedSecret['name'], secret: Secret): SealedSecret => ({
    owner,
    name,
    sealed: core.vault.seal(secret, owner),
  });
  const sealed = pool.repositories.flatMap((repository) => {
    const owner = secretOwner(repository.id);
    return [
      ...(password === undefined ? [] : [seal(owner, 'password', passwordOf(pool, repository, password))]),
      ...(credential === null ? [] : [seal(owner, 'credential', credential)]),
    ];
  });
  if (password === undefined || pool.repositoryPer === 'pool') return sealed;
  return [...sealed, seal(poolSecretOwner(pool.id), 'password', password)];
}
