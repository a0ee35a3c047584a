import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One measured run. */
export interface Run {
  wallMs: number;
  /** User and system time; NaN where it is not known. */
  cpuMs: number;
  /** Growth of what is stored; NaN where it does not apply. */
  storedBytes: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1] ?? Number.NaN, sorted[middle] ?? Number.NaN];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

/** Of each pair a over b, then the median: what the machine does besides hits both of a pair alike. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, index) => value / (b[index] ?? Number.NaN)));
}

/** What runs before have left in the page cache is written now, and not during the next one. */
export function settleDisk(): void {
  spawnSync('sync');
}

/** Runs a program to its end. @throws Error with its complaint */
export async function timed(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-times-'));
  const times = join(folder, 'times');
  // bash tells user and system time of the program and its children.
  const script = 'exec 3>&2; TIMEFORMAT="%U %S"; { time "$@" >/dev/null 2>&3; } 2>"$TIMES"';
  settleDisk();
  const started = performance.now();
  const child = spawn('bash', ['-ec', script, 'bash', command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env, TIMES: times },
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const wallMs = performance.now() - started;
  try {
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${complaint}`);
    const [user = Number.NaN, system = Number.NaN] = readFileSync(times, 'utf8').trim().split(' ').map(Number);
    return { wallMs, cpuMs: (user + system) * 1000, storedBytes: Number.NaN };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const ticksPerSecond = 100;

/** CPU time of a process with its threads and ended children, ms (proc(5): utime, stime, cutime, cstime). */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
  return (ticks * 1000) / ticksPerSecond;
}
