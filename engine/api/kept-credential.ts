import { AppError } from '../../shared/errors.ts';
import { repositoryTargetSchema } from '../../shared/model/job.ts';
import type { StorageTarget } from '../../shared/model/storage.ts';
import type { EngineCore } from '../core.ts';
import type { PoolRow } from '../database/pools.ts';
import { repositoryTarget } from '../tasks/kinds/repository-target.ts';

/**
 * The storage that a pool moves to; where no credential is given, with the one that opens its storage now.
 * @throws AppError invalidValue when that would tell another server the password of this one
 */
export async function withKeptCredential(
  core: EngineCore,
  pool: PoolRow,
  storage: StorageTarget,
): Promise<StorageTarget> {
  if (storage.kind === 'local' || storage.credential !== null) return storage;
  const known = repositoryTargetSchema.parse(await repositoryTarget(core, pool.repositories[0])).storage;
  // Of another kind it is refused later.
  if (known.kind === 'local' || known.kind !== storage.kind) return storage;
  if (known.credential !== null && wouldTell(storage, known))
    throw new AppError('invalidValue', `the password for ${new URL(storage.url).host} must be given`, {
      field: 'credential',
      hint: 'The pool moves to another server: the password of the present one is not sent there.',
    });
  return { ...storage, credential: known.credential };
}

/** An SSH key and an S3 secret only sign; a REST server is sent the password itself. */
function wouldTell(storage: StorageTarget, known: StorageTarget): boolean {
  if (storage.kind !== 'rest' || known.kind !== 'rest' || storage.user === null) return false;
  return new URL(storage.url).origin !== new URL(known.url).origin;
}
