import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { runProgram } from '../../shared/node/run-program.ts';
import { AppError } from '../../shared/errors.ts';

export interface LocalAgentOptions {
  /** The engine's data folder; the agent's lies in `agent/` below it. */
  dataFolder: string;
  agentUrl: string;
  fingerprint: string;
  /** Program and first arguments, e.g. Node and agent/main.ts. */
  command: readonly string[];
}

const initSchema = z.object({ hwid: z.string(), fingerprint: z.string() });

/**
 * Makes the local agent's identity, or finds the one of an earlier start, and pins it: exactly this fingerprint is
 * authorized without a click (DETAILS 14).
 * @returns the agent's fingerprint
 */
export async function initLocalAgent(options: LocalAgentOptions): Promise<string> {
  const [program, ...first] = options.command;
  if (program === undefined) throw new AppError('internal', 'no command for the local agent');
  const { stdout } = await runProgram(program, [
    ...first,
    'init',
    '--data',
    join(options.dataFolder, 'agent'),
    '--name',
    hostname(),
    '--manager',
    options.agentUrl,
    '--fingerprint',
    options.fingerprint,
    '--engine-file',
    join(options.dataFolder, 'engine.json'),
  ]);
  return initSchema.parse(JSON.parse(stdout)).fingerprint;
}

/** Starts the agent on its own feet: it outlives the engine and is adopted by the next one. */
export async function startLocalAgent(options: LocalAgentOptions): Promise<void> {
  const [program, ...first] = options.command;
  if (program === undefined) throw new AppError('internal', 'no command for the local agent');
  const folder = join(options.dataFolder, 'agent');
  const log = await open(join(folder, 'log', 'agent.log'), 'a', 0o600);
  try {
    const child = spawn(program, [...first, 'run', '--data', folder], {
      detached: true,
      // Fewer arenas of the C library: the pipeline's threads would keep some 30 MiB more (measured).
      env: { ...process.env, MALLOC_ARENA_MAX: '2' },
      stdio: ['ignore', 'ignore', log.fd],
    });
    child.on('error', (error) => process.stderr.write(`local agent: ${error.message}\n`));
    child.unref();
  } finally {
    await log.close();
  }
}
