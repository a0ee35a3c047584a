import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../shared/errors.ts';
import { connectAgent, socketPath } from './alive-socket.ts';
import { loadConfig } from './agent-config.ts';

/** Time for an agent to start, in ms. */
const startMs = 15_000;
const pollMs = 50;
/** Fewer arenas of the C library and a small young heap: some 30 MiB less (measured for the local agent). */
const frugal = { env: { MALLOC_ARENA_MAX: '2' }, node: '--max-semi-space-size=2' };

/**
 * Connects to the agent of a folder. When there is none it is started on its own feet: a session of its own, so that the
 * end of an SSH line ends no job (DESIGN §4).
 * @throws AppError notFound without `init`, agentStopped when it does not start
 */
export async function startDetached(folder: string): Promise<Socket> {
  const path = socketPath(folder, (await loadConfig(folder)).hwid);
  const known = await connectAgent(path);
  if (known !== undefined) return known;
  const logPath = join(folder, 'log', 'agent.log');
  const { child, logBytes } = await spawnAgent(folder, logPath);
  for (const end = Date.now() + startMs; Date.now() < end; await sleep(pollMs)) {
    const socket = await connectAgent(path);
    if (socket !== undefined) return socket;
    if (child.exitCode !== null || child.signalCode !== null) break;
  }
  // It gives way to one that was started in the same moment.
  const other = await connectAgent(path);
  if (other !== undefined) return other;
  throw new AppError('agentStopped', `the agent of ${folder} did not start: ${await textAfter(logPath, logBytes)}`, {
    hint: `Run holdfast-agent run --data ${folder} on its host and see what it says.`,
  });
}

/** @returns also how long the log was before */
async function spawnAgent(folder: string, logPath: string): Promise<{ child: ChildProcess; logBytes: number }> {
  await mkdir(join(folder, 'log'), { recursive: true, mode: 0o700 });
  const log = await open(logPath, 'a', 0o600);
  try {
    const { size: logBytes } = await log.stat();
    const [program, script] = process.argv;
    if (program === undefined || script === undefined) throw new AppError('internal', 'there is no program to start');
    const options = process.execArgv.includes(frugal.node) ? process.execArgv : [...process.execArgv, frugal.node];
    const child = spawn(process.execPath, [...options, script, 'run', '--data', folder], {
      detached: true,
      cwd: '/',
      env: { ...process.env, ...frugal.env },
      stdio: ['ignore', log.fd, log.fd],
    });
    child.on('error', (error) => process.stderr.write(`the agent: ${error.message}\n`));
    child.unref();
    return { child, logBytes };
  } finally {
    await log.close();
  }
}

/** What an agent said that did not start, on one line. */
async function textAfter(path: string, from: number): Promise<string> {
  const bytes = await readFile(path);
  return bytes.toString('utf8', from).slice(-500).trim().replaceAll(/\s+/gu, ' ');
}
