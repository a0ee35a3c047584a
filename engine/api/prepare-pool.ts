import { AppError } from '../../shared/errors.ts';
import {
  locationOf,
  type StorageAddress,
  type StorageTarget,
  type StorageTargetInput,
} from '../../shared/model/storage.ts';
import type { Secret } from '../../shared/schema.ts';
import type { EngineCore } from '../core.ts';
import { getClient } from '../database/clients.ts';

/** Opening a repository costs a deliberate half second of scrypt, more on a slow machine. */
export const prepareMs = 60_000;

/** As it goes to an agent: over a pinned link only. */
function onWire(storage: StorageTarget): StorageTargetInput {
  return storage.kind === 'local' ? storage : { ...storage, credential: storage.credential?.reveal() ?? null };
}

/** What may stand in the database as it is, and what is sealed. */
export function withoutCredential(storage: StorageTarget): { address: StorageAddress; credential: Secret | null } {
  if (storage.kind === 'local') return { address: storage, credential: null };
  const { credential, ...address } = storage;
  return { address, credential };
}

/** What the clients found at the place. */
export interface Prepared {
  repositoryId: string;
  /** Whether it was made just now. */
  created: boolean;
  freeBytes: number | null;
  totalBytes: number | null;
}

/** A place and what opens it. */
export interface Wanted {
  storage: StorageTarget;
  password: Secret;
  /** The repository that must be there; null = any, or a new one. */
  repositoryId: string | null;
}

/** Lets each client open the repository; the first may create it (DETAILS 16). @throws AppError notSameRepository */
export async function prepareOnAll(
  core: EngineCore,
  clientIds: readonly number[],
  { storage, password, repositoryId }: Wanted,
): Promise<Prepared> {
  let first: Prepared | undefined;
  for (const clientId of clientIds) {
    const client = await getClient(core.db, clientId);
    const wanted = {
      storage: onWire(storage),
      password: password.reveal(),
      repositoryId: first?.repositoryId ?? repositoryId,
    };
    const peer = core.registry.get(client.id, client.name);
    const create = first === undefined && repositoryId === null;
    const answer = await peer.call('pools.prepare', { repository: wanted, create }, { timeoutMs: prepareMs });
    if (first !== undefined && first.repositoryId !== answer.repositoryId) {
      throw new AppError(
        'notSameRepository',
        `${locationOf(storage)} on client "${client.name}" is another repository`,
        { field: 'clients' },
      );
    }
    first ??= answer;
  }
  if (first === undefined) throw new AppError('invalidValue', 'a pool needs at least one client', { field: 'clients' });
  return first;
}
