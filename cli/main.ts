import { Command, CommanderError } from 'commander';
import { AppError } from '../shared/errors.ts';
import { requireNode24 } from '../shared/node/node-version.ts';
import '../shared/node/rpc-runtime.ts';
import { version } from '../shared/version.ts';
import { addBackups } from './commands/backups.ts';
import { addClients } from './commands/clients.ts';
import { addGroups } from './commands/groups.ts';
import { addLogin } from './commands/login.ts';
import { addLogs } from './commands/logs.ts';
import { addPlatforms } from './commands/platforms.ts';
import { addPools } from './commands/pools.ts';
import { addRepo } from './commands/repo.ts';
import { addRules } from './commands/rules.ts';
import { addServe } from './commands/serve.ts';
import { addTasks } from './commands/tasks.ts';
import { reportError, wantJson } from './output.ts';

function createProgram(): Command {
  const program = new Command('holdfast').description('protect virtual machines and get them back').version(version);
  for (const add of [
    addServe,
    addLogin,
    addClients,
    addGroups,
    addPlatforms,
    addPools,
    addRepo,
    addRules,
    addTasks,
    addBackups,
    addLogs,
  ])
    add(program);
  for (const command of allCommands(program)) {
    command
      .option('--json', 'print JSON')
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    command.hook('preAction', (_self, action) => wantJson(action.optsWithGlobals()['json'] === true));
  }
  return program;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

async function main(): Promise<void> {
  wantJson(process.argv.includes('--json'));
  const program = createProgram();
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const shown =
      error instanceof CommanderError ? new AppError('invalidValue', error.message.replace(/^error: /u, '')) : error;
    process.exitCode = reportError(shown);
  }
}

requireNode24();
// `holdfast … | head` closes our standard output early; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
await main();
