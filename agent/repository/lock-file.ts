import { hostname } from 'node:os';
import { z } from 'zod';
import { hasCode, messageOf } from '../../shared/errors.ts';
import type { SealingKey } from './cipher.ts';
import { goJson, goTime, parseJson } from './json.ts';
import { processOwner } from './process-owner.ts';
import type { Storage } from './storage/storage.ts';
import { openUnpacked } from './unpacked.ts';

/** Who holds a lock, as its file says. */
export interface LockHolder {
  /** Epoch ms of the last refresh. */
  time: number;
  exclusive: boolean;
  hostname: string;
  pid: number;
}

/** A lock file that was found. */
export interface FoundLock {
  name: string;
  /** Undefined when the file cannot be read; the reason is in `problem`. */
  holder: LockHolder | undefined;
  problem: string | undefined;
}

const staleAfterMs = 30 * 60_000;

const lockSchema = z.object({
  time: z.string().refine((time) => !Number.isNaN(Date.parse(time)), 'not a time'),
  exclusive: z.boolean(),
  hostname: z.string(),
  pid: z.int(),
});

/** The JSON of a lock file, fields as restic's. */
export function encodeLock(holder: LockHolder): Buffer {
  const owner = processOwner();
  return goJson({
    time: goTime(holder.time),
    exclusive: holder.exclusive,
    hostname: holder.hostname,
    username: owner.username,
    pid: holder.pid,
    uid: owner.uid,
    gid: owner.gid,
  });
}

/**
 * restic's rule: not refreshed for 30 minutes, or from this host and of a process that is gone. In a container host name
 * and PID of another namespace may match: give the agent a name of its own there.
 */
export function isStale(holder: LockHolder, now: number, ownHostname = hostname()): boolean {
  if (now - holder.time > staleAfterMs) return true;
  return holder.hostname === ownHostname && !processExists(holder.pid);
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** Reads every lock file. Empty ones (an aborted upload) are left out, as restic does. */
export async function listLocks(storage: Storage, key: SealingKey): Promise<FoundLock[]> {
  const found: FoundLock[] = [];
  for await (const file of storage.list('lock')) {
    if (file.sizeBytes === 0) continue;
    try {
      const json = openUnpacked(key, await storage.read('lock', file.name), `lock file ${file.name}`);
      const lock = parseJson(lockSchema, json, `lock file ${file.name}`);
      found.push({ name: file.name, holder: { ...lock, time: Date.parse(lock.time) }, problem: undefined });
    } catch (error) {
      // Gone between listing and reading: released meanwhile.
      if (hasCode(error, 'notFound')) continue;
      if (!hasCode(error, 'repositoryDamaged')) throw error;
      found.push({ name: file.name, holder: undefined, problem: messageOf(error) });
    }
  }
  return found;
}

/**
 * Removes a lock file by its name, which needs no password: for locks that a killed agent had journalled. One that is
 * already gone is no error.
 */
export async function removeStaleLock(storage: Storage, name: string): Promise<void> {
  await storage.remove('lock', name);
}
