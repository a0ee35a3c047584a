import { z } from 'zod';
import type { RepositoryTarget } from '../../shared/model/job.ts';
import { locationOf, storageKinds } from '../../shared/model/storage.ts';
import type { Logger } from '../../shared/node/log.ts';
import { AppError, hasCode, messageOf } from '../../shared/errors.ts';
import type { JournalledJob, Journal } from '../journal.ts';
import { releaseLeftover } from '../platforms/leftovers.ts';
import type { Resource } from '../platforms/platform.ts';
import type { Roots } from '../platforms/roots.ts';
import { createStorage } from '../repository/storage/all.ts';

const lockSchema = z.object({ kind: z.enum(storageKinds), path: z.string(), lock: z.string() });

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
    // What needs a credential waits for the next job that brings one (releaseLocksOf).
    if (needsCredential(resource)) continue;
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

function needsCredential({ kind, name }: { kind: string; name: string }): boolean {
  return kind === 'repositoryLock' && readLock(name).kind !== 'local';
}

function readLock(name: string): z.output<typeof lockSchema> {
  const parsed = lockSchema.safeParse(JSON.parse(name));
  if (!parsed.success) throw new AppError('internal', 'the journal names a lock that cannot be understood');
  return parsed.data;
}

/** Locks that dead jobs left in a storage which only now can be opened. */
export async function releaseLocksOf(target: RepositoryTarget, journal: Journal, log: Logger): Promise<void> {
  if (target.storage.kind === 'local') return;
  for (const job of await journal.list(() => undefined)) {
    for (const resource of job.leftovers.filter(needsCredential)) {
      const { path, lock } = readLock(resource.name);
      if (path !== locationOf(target.storage) || !job.acknowledged) continue;
      const storage = createStorage(target.storage, { maxTotalMs: 20_000 });
      try {
        await storage.remove('lock', lock);
        await journal.of(job.jobUuid).released(resource);
      } catch (error) {
        log.warn({ err: error, jobUuid: job.jobUuid }, 'a lock of a dead job cannot be removed now');
      } finally {
        await storage.close?.();
      }
    }
  }
}

async function removeLock(name: string): Promise<boolean> {
  const { path, lock } = readLock(name);
  try {
    await createStorage({ kind: 'local', path }).remove('lock', lock);
  } catch (error) {
    // It was announced before it was written, or somebody has unlocked.
    if (!hasCode(error, 'notFound')) throw error;
  }
  return true;
}
