import type { Check } from '../../shared/schema.ts';
import { messageOf } from '../../shared/errors.ts';
import type { RepositoryTarget } from '../../shared/model/job.ts';
import type { AgentContext } from './context.ts';
import { type StorageTarget, locationOf } from '../../shared/model/storage.ts';
import { capacityOf } from './capacity.ts';

export async function preparePool(context: AgentContext, target: RepositoryTarget, create: boolean) {
  const prepared = await context.repositories.prepare(target, create);
  return { ...prepared, ...(await spaceOf(target.storage)) };
}

/** Opens, locks and lists the repository, and says how each went; a failed check ends the list. */
export async function testPool(context: AgentContext, target: RepositoryTarget) {
  const checks: Check[] = [];
  const step = async (check: string, work: () => Promise<string>): Promise<void> => {
    try {
      checks.push({ check, ok: true, detail: await work() });
    } catch (error) {
      checks.push({ check, ok: false, detail: messageOf(error) });
      throw error;
    }
  };
  try {
    await context.repositories.use(target, async (repository) => {
      checks.push({
        check: 'open',
        ok: true,
        detail: `repository ${repository.id.slice(0, 8)} at ${locationOf(target.storage)}`,
      });
      await step('write', async () => {
        const lock = await repository.lock();
        await lock.release();
        return 'a lock was written and removed';
      });
      await step(
        'read',
        async () => `${repository.blobCount} blobs, ${(await repository.listSnapshots()).length} snapshots`,
      );
    });
  } catch (error) {
    if (checks.every((check) => check.ok)) checks.push({ check: 'open', ok: false, detail: messageOf(error) });
  }
  return { checks, ...(await spaceOf(target.storage)) };
}

/** Only a directory tells. */
async function spaceOf(storage: StorageTarget): Promise<{ freeBytes: number | null; totalBytes: number | null }> {
  return storage.kind === 'local' ? capacityOf(storage.path) : { freeBytes: null, totalBytes: null };
}
