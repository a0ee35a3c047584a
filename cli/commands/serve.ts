import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';

interface ServeOptions {
  data?: string;
  listen?: string;
  agentListen?: string;
  localAgent: boolean;
  adminPasswordFile?: string;
}

/** Starts the engine as this process (DETAILS 22): signals and exit codes are the engine's own. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the engine without a window')
    .option('--data <folder>', 'data folder (default: $XDG_DATA_HOME/holdfast)')
    .option('--listen <host:port>', 'web face; an address beyond loopback gets HTTPS', '127.0.0.1:0')
    .option('--agent-listen <host:port>', 'port that agents dial', '127.0.0.1:0')
    .option('--no-local-agent', 'start no agent on this machine')
    .option('--admin-password-file <file>', 'password of the user admin; used on an empty data folder only')
    .action(async (options: ServeOptions) => {
      const { buildPageIfStale } = await import('../../build/page-build.mjs');
      await buildPageIfStale();
      replaceByEngine([
        ...(options.data === undefined ? [] : ['--data', options.data]),
        '--listen',
        options.listen ?? '127.0.0.1:0',
        '--agent-listen',
        options.agentListen ?? '127.0.0.1:0',
        ...(options.localAgent ? [] : ['--no-local-agent']),
        ...(options.adminPasswordFile === undefined ? [] : ['--admin-password-file', options.adminPasswordFile]),
      ]);
    });
}

function replaceByEngine(args: readonly string[]): void {
  const engine = fileURLToPath(new URL('../../engine/main.ts', import.meta.url));
  process.execve?.(process.execPath, [process.execPath, engine, ...args], process.env);
}
