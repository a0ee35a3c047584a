import { Command, CommanderError } from 'commander';
import { AppError, exitCodeOf, toWireError } from '../shared/errors.ts';
import { requireNode24 } from '../shared/node/node-version.ts';
import { version } from '../shared/version.ts';
import { addStdio } from './cli/stdio.ts';

/** A bridge stands as long as its SSH line: it must not carry the agent's code in memory. */
async function wantedCommands(): Promise<Array<(program: Command) => void>> {
  if (process.argv[2] === 'stdio') return [addStdio];
  await import('../shared/node/rpc-runtime.ts');
  const { addInit } = await import('./cli/init.ts');
  const { addRun } = await import('./cli/run.ts');
  const { addServeRepo } = await import('./cli/serve-repo.ts');
  return [addInit, addRun, addStdio, addServeRepo];
}

async function main(): Promise<void> {
  const program = new Command('holdfast-agent')
    .description('backs up the VMs of its host for a Holdfast manager')
    .version(version);
  for (const add of await wantedCommands()) add(program);
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const shown =
      error instanceof CommanderError ? new AppError('invalidValue', error.message.replace(/^error: /u, '')) : error;
    const wire = toWireError(shown);
    // The standard output of stdio belongs to the protocol.
    if (process.argv[2] !== 'stdio') process.stdout.write(`${JSON.stringify({ error: wire })}\n`);
    process.stderr.write(`${wire.code}: ${wire.message}${wire.hint === undefined ? '' : `\n${wire.hint}`}\n`);
    process.exit(exitCodeOf(wire.code));
  }
}

requireNode24();
await main();
