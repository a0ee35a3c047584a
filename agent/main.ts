import { Command, CommanderError } from 'commander';
import { AppError, exitCodeOf, toWireError } from '../shared/errors.ts';
import { requireNode24 } from '../shared/node/node-version.ts';
import '../shared/node/rpc-runtime.ts';
import { version } from '../shared/version.ts';
import { addInit } from './cli/init.ts';
import { addRun } from './cli/run.ts';
import { addServeRepo } from './cli/serve-repo.ts';
import { addStdio } from './cli/stdio.ts';

async function main(): Promise<void> {
  const program = new Command('holdfast-agent')
    .description('backs up the VMs of its host for a Holdfast manager')
    .version(version);
  for (const add of [addInit, addRun, addStdio, addServeRepo]) add(program);
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
