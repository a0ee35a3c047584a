import { resolve } from 'node:path';
import type { Command } from 'commander';
import { bridge } from '../bridge.ts';
import { startDetached } from '../detached.ts';
import { defaultAgentFolder } from '../agent-config.ts';

/** `holdfast-agent stdio`: what an engine runs over SSH. Standard output carries the protocol and nothing else. */
export function addStdio(program: Command): void {
  program
    .command('stdio')
    .description('connect standard input and output to the agent of this host, which is started when there is none')
    .option('--data <folder>', 'folder of the agent', defaultAgentFolder)
    .action(async ({ data }: { data: string }) => {
      const socket = await startDetached(resolve(data));
      await bridge(socket, process.stdin, process.stdout);
      process.exit(0);
    });
}
