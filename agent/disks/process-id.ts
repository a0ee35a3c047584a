import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { systemCode } from './file-errors.ts';

/** Names one process for ever: a PID alone is given to another process later. */
export const processIdSchema = z.object({
  pid: z.number().int().positive(),
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  startTime: z.string().regex(/^\d{1,20}$/u),
  program: z.string().min(1).max(64),
});
export type ProcessId = z.output<typeof processIdSchema>;

interface ProcessStat {
  program: string;
  state: string;
  startTime: string;
}

/** What the kernel says of a process; undefined when there is none. The program name is cut at 15 bytes by Linux. */
export async function processStat(pid: number): Promise<ProcessStat | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return undefined;
    throw error;
  }
  // The name may hold spaces and parentheses: the last ')' ends it.
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  return { program: text.slice(text.indexOf('(') + 1, nameEnd), state: fields[0] ?? '', startTime: fields[19] ?? '' };
}

/** True while exactly that process lives; a zombie does not. */
export async function isAlive(id: ProcessId): Promise<boolean> {
  const stat = await processStat(id.pid);
  if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return false;
  return stat.startTime === id.startTime && stat.program === id.program.slice(0, 15);
}
