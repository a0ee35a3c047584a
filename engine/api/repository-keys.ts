import type { repositoriesContract } from '../../shared/contract/engine/repositories.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError, messageOf } from '../../shared/errors.ts';
import type { EngineCore } from '../core.ts';
import { findId } from '../database/find.ts';
import { insertLog } from '../database/logs.ts';
import { getPool, secretOwner } from '../database/pools.ts';
import { saveSecret } from '../database/secrets.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';
import { type ApiContext, userName } from './context.ts';
import { peerOfPool } from './pool-peer.ts';

type KeyMethods = Pick<
  typeof repositoriesContract,
  | 'repositories.keys'
  | 'repositories.addKey'
  | 'repositories.removeKey'
  | 'repositories.changePassword'
  | 'repositories.exportKey'
>;

/** Each password costs a deliberate half second of scrypt, more on a slow machine. */
const keysMs = 60_000;

async function open(core: EngineCore, ref: string) {
  const pool = await getPool(core.db, await findId(core.db, 'pools', ref, 'pool'));
  return { pool, repository: await repositoryTarget(core, pool.id), peer: await peerOfPool(core, pool.id) };
}

async function note(context: ApiContext, message: string): Promise<void> {
  await insertLog(context.core.db, { level: 'info', source: 'engine', message, user: userName(context) });
  for (const topic of ['pools', 'logs'] as const) context.core.changes.announce(topic);
}

export const repositoryKeysApi: Handlers<KeyMethods, ApiContext> = {
  async 'repositories.keys'({ pool: ref }, { core }) {
    const { repository, peer } = await open(core, ref);
    return peer.call('repositories.keys', { repository }, { timeoutMs: keysMs });
  },
  async 'repositories.addKey'({ pool: ref, password }, context) {
    const { pool, repository, peer } = await open(context.core, ref);
    const wanted = { repository, password: password.reveal() };
    const added = await peer.call('repositories.addKey', wanted, { timeoutMs: keysMs });
    await note(context, `key ${added.id.slice(0, 8)} was added to the repository of pool "${pool.name}"`);
    return added;
  },
  async 'repositories.removeKey'({ pool: ref, key }, context) {
    const { pool, repository, peer } = await open(context.core, ref);
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
    await note(context, `key ${found.id.slice(0, 8)} was removed from the repository of pool "${pool.name}"`);
    return {};
  },
  async 'repositories.changePassword'({ pool: ref, password }, context) {
    const { core } = context;
    const { pool, repository, peer } = await open(core, ref);
    const { keys } = await peer.call('repositories.keys', { repository }, { timeoutMs: keysMs });
    const wanted = { repository, password: password.reveal() };
    const { id } = await peer.call('repositories.addKey', wanted, { timeoutMs: keysMs });
    const owner = secretOwner(pool.repository.id);
    await saveSecret(core.db, owner, 'password', core.vault.seal(password, owner));
    await note(context, `the password of pool "${pool.name}" was changed, its key is ${id.slice(0, 8)} now`);
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
  async 'repositories.exportKey'({ pool: ref }, { core }) {
    const { repository, peer } = await open(core, ref);
    return peer.call('repositories.exportKey', { repository }, { timeoutMs: keysMs });
  },
};
