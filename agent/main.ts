import { Command, CommanderError } from 'commander';
import { AppError, exitCodeOf, toWireError } from '../shared/errors.ts';
import { requireNode24 } from '../shared/node/node-version.ts';
import { version } from '../shared/version.ts';
import { addStdio } from './cli/stdio.ts';

/** What the command line offers, and how it tells a failure. */
interface Commands {
  add: Array<(program: Command) => void>;
  /** @returns the exit code */
  report(error: unknown): number;
}

/** A bridge stands as long as its SSH line: it must not carry the agent's code in memory. */
async function wantedCommands(name: string | undefined): Promise<Commands> {
  // The standard output of stdio belongs to the protocol.
  if (name === 'stdio') return { add: [addStdio], report: (error) => explain(error) };
  if (name === 'repo') {
    // Somebody waits for each of these; none needs a platform.
    const { addRepo, reportRepoError } = await import('./cli/repo/all.ts');
    return { add: [addRepo], report: reportRepoError };
  }
  await import('../shared/node/rpc-runtime.ts');
  const { agentCommands } = await import('./cli/all.ts');
  return { add: [...agentCommands, addStdio], report };
}

async function main(): Promise<void> {
  const program = new Command('holdfast-agent')
    .description('backs up the VMs of its host for a Holdfast manager')
    .version(version);
  const commands = await wantedCommands(process.argv[2]);
  for (const add of commands.add) add(program);
  for (const command of allCommands(program)) command.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const shown =
      error instanceof CommanderError ? new AppError('invalidValue', error.message.replace(/^error: /u, '')) : error;
    process.exit(commands.report(shown));
  }
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** Whoever starts an agent is a program: one line of JSON, and the words for the log. */
function report(error: unknown): number {
  process.stdout.write(`${JSON.stringify({ error: toWireError(error) })}\n`);
  return explain(error);
}

function explain(error: unknown): number {
  const { code, message, hint } = toWireError(error);
  process.stderr.write(`${code}: ${message}${hint === undefined ? '' : `\n${hint}`}\n`);
  return exitCodeOf(code);
}

requireNode24();
await main();
