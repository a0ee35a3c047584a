import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Agent, startAgent } from '../agent.ts';
import { defaultAgentFolder } from '../agent-config.ts';
import { loadAgent } from '../identity.ts';

/** `holdfast-agent run`: prints one JSON line when it works, ends cleanly on SIGTERM. */
export function addRun(program: Command): void {
  program
    .command('run')
    .description('run the agent')
    .option('--data <folder>', 'folder of the agent', defaultAgentFolder)
    .option('--json', 'print JSON (the default)')
    .action(async ({ data }: { data: string }) => {
      // restic finds out whether a lock's owner lives by sending SIGHUP; without a handler that would kill us.
      process.on('SIGHUP', () => undefined);
      const identity = await loadAgent(resolve(data));
      const agent = await startAgent(identity);
      const { hwid } = identity.config;
      process.stdout.write(
        `${JSON.stringify({ ready: true, pid: process.pid, hwid, fingerprint: identity.tls.fingerprint })}\n`,
      );
      await stopWanted(agent);
      await agent.stop();
      process.exit(0);
    });
}

function stopWanted(agent: Agent): Promise<void> {
  return new Promise((wanted) => {
    process.on('SIGTERM', () => wanted());
    process.on('SIGINT', () => wanted());
    void agent.lonely.then(() => wanted());
  });
}
