import { withLock } from '../locked.ts';
import { type ResultOf, showProgress, type Work } from './work.ts';

/** Makes the index anew from the packs; a pack that cannot be read is a warning. */
export async function rebuildIndex({ run, repository, job }: Work): Promise<ResultOf<'rebuildIndex'>> {
  const options = { exclusive: true, withoutIndex: true };
  return withLock(
    run,
    job.repository,
    repository,
    async (lock) => {
      await run.enter('writingData');
      const made = await repository
        .maintenance(lock)
        .rebuildIndex({ signal: run.signal, onProgress: showProgress(run) });
      for (const { pack, message } of made.damaged) run.warn(`pack ${pack}: ${message}`);
      await run.enter('finalising');
      return { kind: 'rebuildIndex', packs: made.packs, blobs: made.blobs };
    },
    options,
  );
}
