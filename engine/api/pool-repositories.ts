import { AppError } from '../../shared/errors.ts';
import { repositoryTargetSchema } from '../../shared/model/job.ts';
import { placeBelow, type RepositoryPer, type StorageTarget } from '../../shared/model/storage.ts';
import type { Secret } from '../../shared/schema.ts';
import type { EngineCore } from '../core.ts';
import { getClient } from '../database/clients.ts';
import { getGroup, groupsOfClients } from '../database/groups.ts';
import type { PoolRow } from '../database/pools.ts';
import {
  isSameOwner,
  type NewRepository,
  openersOf,
  type Owner,
  ownerOf,
  poolSecretOwner,
  type RepositoryRow,
  type SealedSecret,
  secretOwner,
} from '../database/repositories.ts';
import { getSecret } from '../database/secrets.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { type Prepared, prepareOnAll, withoutCredential } from './prepare-pool.ts';
import { placeOfClient, placeOfGroup, repositoryPassword } from './repository-password.ts';

/** A repository that is there now, and what its clients found. */
export interface PreparedRepository extends NewRepository {
  prepared: Prepared;
}

/** Where the repositories of a pool lie and what their passwords are made of. */
interface PoolPlace {
  storage: StorageTarget;
  password: Secret;
}

/** Who serves a pool, and who shares its repositories. */
interface Serving {
  repositoryPer: RepositoryPer;
  clientIds: readonly number[];
  maintenanceClientId: number | null;
  /** The group of each client that is in one. */
  groups: ReadonlyMap<number, number>;
}

type Wishes = PoolPlace & Omit<Serving, 'groups'>;

/** Makes or opens the repositories of a new pool. @throws AppError notSameRepository, wrongPassword, clientOffline */
export async function prepareRepositories(core: EngineCore, wishes: Wishes): Promise<PreparedRepository[]> {
  const { repositoryPer, clientIds, storage, password } = wishes;
  if (repositoryPer !== 'pool') {
    const serving = { ...wishes, groups: await groupsOfClients(core.db) };
    return prepareForOwners(core, wishes, serving, []);
  }
  const prepared = await prepareOnAll(core, clientIds, { storage, password, repositoryId: null });
  return [{ clientId: null, groupId: null, place: null, password, resticId: prepared.repositoryId, prepared }];
}

/** One for each owner that has none; its own clients open it first, the maintenance client must open it too. */
async function prepareForOwners(
  core: EngineCore,
  { storage, password: poolPassword }: PoolPlace,
  serving: Serving,
  present: ReadonlyArray<Pick<RepositoryRow, keyof Owner | 'place'>>,
): Promise<PreparedRepository[]> {
  const made: PreparedRepository[] = [];
  for (const clientId of serving.clientIds) {
    const owner = ownerOf(serving, clientId);
    if ([...present, ...made].some((other) => isSameOwner(other, owner))) continue;
    const place = await placeOfOwner(core, owner);
    if ([...present, ...made].some((other) => other.place === place))
      throw new AppError('invalidValue', `two repositories would share the place "${place}"`, { field: 'clients' });
    const password = repositoryPassword(poolPassword, place);
    const wanted = { storage: placeBelow(storage, place), password, repositoryId: null };
    const prepared = await prepareOnAll(core, makersOf(serving, owner), wanted);
    made.push({ ...owner, place, password, resticId: prepared.repositoryId, prepared });
  }
  return made;
}

/** Those that will open it, the maintenance client last: the place then belongs to a client whose backups it holds. */
function makersOf(serving: Serving, owner: Owner): number[] {
  const isKeeper = (id: number) => Number(id === serving.maintenanceClientId);
  return openersOf(serving, owner).toSorted((a, b) => isKeeper(a) - isKeeper(b));
}

async function placeOfOwner(core: EngineCore, { clientId, groupId }: Owner): Promise<string> {
  if (groupId !== null) return placeOfGroup(await getGroup(core.db, groupId));
  if (clientId !== null) return placeOfClient(await getClient(core.db, clientId));
  throw new AppError('internal', 'a repository for all clients has no place of its own');
}

/** Who serves a pool from now on, and where it lies; undefined = as before. */
export interface Moves {
  clientIds: readonly number[];
  maintenanceClientId: number | null;
  groups: ReadonlyMap<number, number>;
  storage: StorageTarget | undefined;
  password: Secret | undefined;
}

/** Repositories of clients and groups that had none, with what opens their storage. */
interface Newcomers {
  repositories: PreparedRepository[];
  credential: Secret | null;
}

/** Lets every client open what is new to it. @throws AppError invalidValue, notSameRepository, wrongPassword, clientOffline */
export async function prepareMoves(core: EngineCore, pool: PoolRow, moves: Moves): Promise<Newcomers> {
  const { clientIds, maintenanceClientId, groups, storage, password } = moves;
  if (storage !== undefined && storage.kind !== pool.kind)
    throw new AppError('invalidValue', `the pool is ${pool.kind}; that cannot be changed`, { field: 'storage' });
  const isElsewhere = storage !== undefined || password !== undefined;
  for (const repository of pool.repositories) {
    const before = openersOf(pool, repository);
    const after = openersOf({ ...pool, clientIds, maintenanceClientId, groups }, repository);
    const openers = isElsewhere ? after : after.filter((id) => !before.includes(id));
    if (openers.length > 0) await prepareOnAll(core, openers, await wantedPlace(core, pool, repository, moves));
  }
  return prepareNewcomers(core, pool, moves);
}

async function prepareNewcomers(core: EngineCore, pool: PoolRow, moves: Moves): Promise<Newcomers> {
  const serving = { ...moves, repositoryPer: pool.repositoryPer };
  const hasOwn = (id: number) => pool.repositories.some((row) => isSameOwner(row, ownerOf(serving, id)));
  if (serving.clientIds.every(hasOwn)) return { repositories: [], credential: null };
  const known = await repositoryTarget(core, { ...pool.repositories[0], address: pool.address });
  const storage = moves.storage ?? repositoryTargetSchema.parse(known).storage;
  const owner = poolSecretOwner(pool.id);
  const password = moves.password ?? core.vault.open(await getSecret(core.db, owner, 'password'), owner);
  const repositories = await prepareForOwners(core, { storage, password }, serving, pool.repositories);
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
