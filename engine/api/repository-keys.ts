import type { repositoriesContract } from '../../shared/contract/engine/repositories.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError, messageOf } from '../../shared/errors.ts';
import type { EngineCore } from '../core.ts';
import { locationOf } from '../../shared/model/storage.ts';
import { insertLog } from '../database/logs.ts';
import { secretOwner } from '../database/repositories.ts';
import { saveSecret } from '../database/secrets.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { chosenRepository } from './chosen-repositories.ts';
import { type ApiContext, userName } from './context.ts';
import { peerOfRepository } from './repository-peer.ts';

type KeyMethods = Pick<
  typeof repositoriesContract,
  | 'repositories.keys'
  | 'repositories.addKey'
  | 'repositories.removeKey'
  | 'repositories.changePassword'
  | 'repositories.exportKey'
  | 'repositories.password'
>;

/** Each password costs a deliberate half second of scrypt, more on a slow machine. */
const keysMs = 60_000;

interface Params {
  pool: string;
  client?: string | undefined;
  group?: string | undefined;
}

async function open(core: EngineCore, params: Params) {
  const { pool, repository: row } = await chosenRepository(core, params);
  const peer = await peerOfRepository(core, pool, row);
  const named =
    pool.repositoryPer === 'pool' ? `pool "${pool.name}"` : `pool "${pool.name}" at ${locationOf(row.address)}`;
  return { pool, row, named, repository: await repositoryTarget(core, row), peer };
}

async function note(context: ApiContext, message: string): Promise<void> {
  await insertLog(context.core.db, { level: 'info', source: 'engine', message, user: userName(context) });
  for (const topic of ['pools', 'logs'] as const) context.core.changes.announce(topic);
}

export const repositoryKeysApi: Handlers<KeyMethods, ApiContext> = {
  async 'repositories.keys'(params, { core }) {
    const { repository, peer } = await open(core, params);
    return peer.call('repositories.keys', { repository }, { timeoutMs: keysMs });
  },
  async 'repositories.addKey'({ password, ...params }, context) {
    const { named, repository, peer } = await open(context.core, params);
    const wanted = { repository, password: password.reveal() };
    const added = await peer.call('repositories.addKey', wanted, { timeoutMs: keysMs });
    await note(context, `key ${added.id.slice(0, 8)} was added to the repository of ${named}`);
    return added;
  },
  async 'repositories.removeKey'({ key, ...params }, context) {
    const { named, pool, repository, peer } = await open(context.core, params);
    const { keys } = await peer.call('repositories.keys', { repository }, { timeoutMs: keysMs });
    const [found, other] = keys.filter(({ id }) => id.startsWith(key));
    if (found === undefined) throw new AppError('notFound', `the repository has no key ${key}`, { field: 'key' });
    if (other !== undefined) throw new AppError('invalidValue', `several keys begin with ${key}`, { field: 'key' });
    if (found.current) {
      throw new AppError('inUse', `the pool "${pool.name}" itself uses this key`, {
        field: 'key',
        hint: 'Change the password of the pool: that replaces the key.',
      });
    }
    await peer.call('repositories.removeKey', { repository, key: found.id }, { timeoutMs: keysMs });
    await note(context, `key ${found.id.slice(0, 8)} was removed from the repository of ${named}`);
    return {};
  },
  async 'repositories.changePassword'({ password, ...params }, context) {
    const { core } = context;
    const { named, row, repository, peer } = await open(core, params);
    const { keys } = await peer.call('repositories.keys', { repository }, { timeoutMs: keysMs });
    const wanted = { repository, password: password.reveal() };
    const { id } = await peer.call('repositories.addKey', wanted, { timeoutMs: keysMs });
    const owner = secretOwner(row.id);
    await saveSecret(core.db, owner, 'password', core.vault.seal(password, owner));
    await note(context, `the password of ${named} was changed, its key is ${id.slice(0, 8)} now`);
    const old = keys.find(({ current }) => current);
    try {
      const renewed = { ...repository, password: password.reveal() };
      if (old !== undefined)
        await peer.call('repositories.removeKey', { repository: renewed, key: old.id }, { timeoutMs: keysMs });
      return { id, removed: old?.id ?? null, problem: null };
    } catch (error) {
      // The new password is in force; the old one still opens the repository.
      return { id, removed: null, problem: messageOf(error) };
    }
  },
  async 'repositories.exportKey'(params, { core }) {
    const { repository, peer } = await open(core, params);
    return peer.call('repositories.exportKey', { repository }, { timeoutMs: keysMs });
  },
  async 'repositories.password'(params, context) {
    const { core } = context;
    const { pool, repository: row } = await chosenRepository(core, params);
    if (pool.repositoryPer === 'pool')
      throw new AppError('invalidValue', `pool "${pool.name}" has the password that it was given`, { field: 'pool' });
    const { password } = await repositoryTarget(core, row);
    const place = locationOf(row.address);
    await note(context, `the password of the repository at ${place} was shown`);
    return { place, repositoryId: row.resticId, password };
  },
};
