import { AppError } from '../../../shared/errors.ts';
import { throwIfAborted } from '../cancel.ts';
import { removeFiles } from '../storage/remove-files.ts';
import { isFileName, type Storage } from '../storage/storage.ts';

/**
 * Removes snapshot files; what only they needed waits for the next prune. One that is already gone is no error. Hold a
 * shared lock.
 * @throws AppError invalidValue for a name that no snapshot can have, storage errors, cancelled
 */
export async function forgetSnapshots(storage: Storage, ids: readonly string[], signal: AbortSignal): Promise<void> {
  const wrong = ids.find((id) => !isFileName(id));
  if (wrong !== undefined) throw new AppError('invalidValue', `not the id of a snapshot: ${JSON.stringify(wrong)}`);
  throwIfAborted(signal);
  await removeFiles(storage, 'snapshot', ids);
}
