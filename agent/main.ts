import { Command, CommanderError } from 'commander';
import { AppError, exitCodeOf, toWireError } from '../shared/errors.ts';
import { requireNode24 } from '../shared/node/node-version.ts';
import '../shared/node/rpc-runtime.ts';
import { version } from '../shared/version.ts';
import { addDecode } from './cli/decode.ts';
import { addInit } from './cli/init.ts';
import { addKeys } from './cli/keys.ts';
import { addRepo, reportRepoError } from './cli/repo/all.ts';
import { addRun } from './cli/run.ts';
import { addServeRepo } from './cli/serve-repo.ts';

async function main(): Promise<void> {
  const program = new Command('holdfast-agent')
    .description('backs up the VMs of its host for a Holdfast manager')
    .version(version);
  for (const add of [addInit, addRun, addServeRepo, addKeys, addDecode, addRepo]) add(program);
  for (const command of allCommands(program)) command.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const shown =
      error instanceof CommanderError ? new AppError('invalidValue', error.message.replace(/^error: /u, '')) : error;
    process.exit(process.argv[2] === 'repo' ? reportRepoError(shown) : reportError(shown));
  }
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** Whoever starts an agent is a program: one line of JSON, and the words for the log. */
function reportError(error: unknown): number {
  const wire = toWireError(error);
  process.stdout.write(`${JSON.stringify({ error: wire })}\n`);
  process.stderr.write(`${wire.code}: ${wire.message}${wire.hint === undefined ? '' : `\n${wire.hint}`}\n`);
  return exitCodeOf(wire.code);
}

requireNode24();
await main();
