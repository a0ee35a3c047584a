import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../../../shared/node/atomic-file.ts';
import { systemCode } from '../../../disks/file-errors.ts';
import { processIdSchema } from '../../../disks/process-id.ts';

/** Our files have some 300 bytes. */
const maxFileBytes = 8192;

const frozenSchema = z.object({
  uri: z.string().min(1).max(4096),
  domain: z.guid(),
  /** When the freeze began, epoch ms. */
  since: z.number().int().nonnegative(),
  /** The helper that thaws it. */
  helper: processIdSchema,
});
/** A guest that is frozen by us, or may be. */
export type FrozenEntry = z.output<typeof frozenSchema>;

/**
 * Notes a freeze before it begins: `<folder>/<domain>.json`, folder 0700, file 0600.
 * @throws system errors when it cannot be written; then nothing must be frozen
 */
export async function writeFrozen(folder: string, entry: FrozenEntry): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  await writeFileAtomic(fileOf(folder, entry.domain), `${JSON.stringify(entry)}\n`);
}

/** After a thaw; no harm when there is none. */
export async function removeFrozen(folder: string, domain: string): Promise<void> {
  await rm(fileOf(folder, domain), { force: true });
}

/** The entry of one domain; undefined when there is none or it is not ours to understand. */
export async function findFrozen(folder: string, domain: string): Promise<FrozenEntry | undefined> {
  return readEntry(fileOf(folder, domain));
}

/** Every entry; files that are not ours are skipped. */
export async function listFrozen(folder: string): Promise<FrozenEntry[]> {
  const entries: FrozenEntry[] = [];
  for (const name of await namesIn(folder)) {
    const entry = name.endsWith('.json') ? await readEntry(join(folder, name)) : undefined;
    if (entry !== undefined && name === `${entry.domain}.json`) entries.push(entry);
  }
  return entries;
}

function fileOf(folder: string, domain: string): string {
  return join(folder, `${domain}.json`);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    // Nothing was ever frozen.
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readEntry(path: string): Promise<FrozenEntry | undefined> {
  let text: string;
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxFileBytes), 0, maxFileBytes, 0);
      text = buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    // Just thawed, or something strange that is not ours.
    if (systemCode(error) !== undefined) return undefined;
    throw error;
  }
  try {
    return frozenSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
