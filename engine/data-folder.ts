import { randomUUID } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../shared/errors.ts';
import { writeFileAtomic } from '../shared/node/atomic-file.ts';
import { readIfThere } from '../shared/node/tls.ts';
import { type Database } from './database/open.ts';
import { findSetting, saveSetting, type SettingKey } from './database/settings.ts';

/** D/engine.json: how local programs find the running engine (DETAILS 20). */
export const engineFileSchema = z.object({
  pid: z.number().int(),
  url: z.string().nullable(),
  agentUrl: z.string(),
  fingerprint: z.string(),
});
export type EngineFile = z.output<typeof engineFileSchema>;

/** `$XDG_DATA_HOME/holdfast`. */
export function defaultDataFolder(): string {
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'holdfast');
}

/** Makes the folder, 0700. @throws AppError invalidValue when it cannot be used */
export async function prepareDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  } catch (error) {
    throw new AppError('invalidValue', `--data: cannot use ${folder}`, { field: '--data', cause: error });
  }
}

const engineFile = (folder: string) => join(folder, 'engine.json');

/** The engine that runs on this folder; undefined when there is none. */
export async function findRunningEngine(folder: string): Promise<EngineFile | undefined> {
  const text = await readIfThere(engineFile(folder));
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Written atomically, so only a foreign hand damages it; the port and the lock on the database still protect us.
    return undefined;
  }
  const parsed = engineFileSchema.safeParse(value);
  return parsed.success && isAlive(parsed.data.pid) ? parsed.data : undefined;
}

/** @throws AppError alreadyRunning when another engine works on this folder */
export async function assertOnlyEngine(folder: string): Promise<void> {
  const other = await findRunningEngine(folder);
  if (other === undefined || other.pid === process.pid) return;
  throw new AppError(
    'alreadyRunning',
    `an engine runs on ${folder} already (process ${other.pid}, ${other.url ?? 'no web face'})`,
    {
      hint: 'Use that one, or stop it first.',
    },
  );
}

export async function writeEngineFile(folder: string, content: EngineFile): Promise<void> {
  await writeFileAtomic(engineFile(folder), `${JSON.stringify(content)}\n`);
}

export async function removeEngineFile(folder: string): Promise<void> {
  await rm(engineFile(folder), { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A kept fact, made once. */
export async function keptSetting(db: Database, key: SettingKey, make: () => string = randomUUID): Promise<string> {
  const known = await findSetting(db, key);
  if (known !== undefined) return known;
  const made = make();
  await saveSetting(db, key, made);
  return made;
}
