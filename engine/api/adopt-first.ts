import { messageOf } from '../../shared/errors.ts';
import { insertLog } from '../database/logs.ts';
import { getPool } from '../database/pools.ts';
import { adoptAll, wordsOf } from './adopt-points.ts';
import { type ApiContext, userName } from './context.ts';
import type { PreparedRepository } from './pool-repositories.ts';

/**
 * Of repositories that a pool has got just now, those that were there before: what they hold of ours becomes backups.
 * That they cannot be read now is no reason to fail, it is logged.
 * @returns how many points were taken over
 */
export async function adoptFirst(
  context: ApiContext,
  poolId: number,
  made: readonly PreparedRepository[],
  signal: AbortSignal,
): Promise<number> {
  const { core } = context;
  const found = made.filter(({ prepared }) => !prepared.created).map(({ resticId }) => resticId);
  if (found.length === 0) return 0;
  const pool = await getPool(core.db, poolId);
  try {
    const repositories = pool.repositories.filter(({ resticId }) => found.includes(resticId));
    const all = await adoptAll(core, { pool, repositories }, signal);
    if (all.adopted + all.damaged + all.unanswered.length > 0)
      await note(context, `pool "${pool.name}": ${wordsOf(all)}`);
    core.changes.announce('backups');
    return all.adopted;
  } catch (error) {
    await note(context, `pool "${pool.name}": its points could not be taken over: ${messageOf(error)}`);
    return 0;
  }
}

async function note(context: ApiContext, message: string): Promise<void> {
  await insertLog(context.core.db, { level: 'info', source: 'engine', message, user: userName(context) });
  for (const topic of ['pools', 'logs'] as const) context.core.changes.announce(topic);
}
