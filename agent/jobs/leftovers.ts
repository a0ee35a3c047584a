import { z } from 'zod';
import type { Logger } from '../../shared/node/log.ts';
import { AppError, hasCode, messageOf } from '../../shared/errors.ts';
import type { JournalledJob, Journal } from '../journal.ts';
import { releaseLeftover } from '../platforms/leftovers.ts';
import type { Resource } from '../platforms/platform.ts';
import type { Roots } from '../platforms/roots.ts';
import { createStorage } from '../repository/storage/all.ts';

const lockSchema = z.object({ kind: z.literal('local'), path: z.string(), lock: z.string() });

/**
 * Removes what a dead job made and did not strike off, newest first (DETAILS 10).
 * @returns sentences about what could not be removed now; it stays in the journal for the next try
 */
export async function releaseLeftovers(
  job: JournalledJob,
  journal: Journal,
  roots: Roots,
  log: Logger,
): Promise<string[]> {
  const problems: string[] = [];
  for (const resource of job.leftovers) {
    try {
      const ours = await release(resource as Resource, roots);
      if (!ours) log.warn({ resource, jobUuid: job.jobUuid }, 'a leftover is not ours any more and stays');
      await journal.of(job.jobUuid).released(resource);
    } catch (error) {
      log.error({ err: error, resource, jobUuid: job.jobUuid }, 'a leftover cannot be removed now');
      problems.push(`left behind, will be tried again: ${resource.kind} ${resource.name}: ${messageOf(error)}`);
    }
  }
  return problems;
}

async function release(resource: Resource, roots: Roots): Promise<boolean> {
  return resource.kind === 'repositoryLock' ? removeLock(resource.name) : releaseLeftover(resource, roots);
}

async function removeLock(name: string): Promise<boolean> {
  const parsed = lockSchema.safeParse(JSON.parse(name));
  if (!parsed.success) throw new AppError('internal', 'the journal names a lock that cannot be understood');
  const { kind, path, lock } = parsed.data;
  try {
    await createStorage({ kind, path }).remove('lock', lock);
  } catch (error) {
    // It was announced before it was written, or somebody has unlocked.
    if (!hasCode(error, 'notFound')) throw error;
  }
  return true;
}
