import type { Command } from 'commander';
import { backupTypes } from '../../shared/model/job.ts';
import { transformCiphers } from '../../shared/model/transform.ts';
import { choiceOf } from '../../shared/option-values.ts';
import { confirmOrThrow, note, printObject, printRows } from '../output.ts';
import { exitCodeOfState, explain, waitForTasks } from '../wait.ts';
import { withEngine } from '../with-engine.ts';

interface AddOptions {
  name: string;
  platform: string;
  object: string[];
  pool: string;
  type: string;
  transform?: string;
  client?: string;
  /** Commander's form of --no-quiesce. */
  quiesce: boolean;
  requireConsistency?: boolean;
  scriptBefore?: string;
  scriptAfter?: string;
  scriptTimeout?: string;
}

/** What FEATURES H03 wants to be said. */
const lostKeyWarning =
  'Only the client that writes these backups has their key: print it there with `holdfast-agent keys export` and keep the paper. Without it they can never be restored.';

interface RunOptions {
  wait?: boolean;
  type?: string;
  reread?: boolean;
  object?: string[];
}

/** Prints the numbers of started tasks; with `wait` after their end, and sets the exit code. */
export async function finishStarted(started: { taskIds: number[] }, wait: boolean): Promise<void> {
  if (!wait) return printObject(started);
  const tasks = await waitForTasks(started.taskIds);
  for (const task of tasks) explain(task);
  printObject(started);
  const codes = tasks.map((task) => exitCodeOfState(task.state));
  process.exitCode = codes.includes(1) ? 1 : Math.max(0, ...codes);
}

/** `rules add | list | show | run | remove`. */
export function addRules(program: Command): void {
  const rules = program.command('rules').description('what is backed up where');
  rules
    .command('add')
    .requiredOption('--name <name>')
    .requiredOption('--platform <platform>')
    .requiredOption('--object <vm...>')
    .requiredOption('--pool <pool>')
    .option('--type <type>', backupTypes.join(' | '), 'full')
    .option('--transform <cipher>', `protective transformation: ${transformCiphers.join(' | ')}`)
    .option('--client <client>', 'only this client runs it')
    .option('--no-quiesce', 'do not ask the guest to stand still')
    .option('--require-consistency', 'fail when the guest could not be frozen')
    .option('--script-before <path>', 'program inside the guest, run before the freeze')
    .option('--script-after <path>', 'program inside the guest, run after the thaw')
    .option('--script-timeout <seconds>', 'for each of them, 1 to 600', '5')
    .action(addRule);
  rules.command('list').action(async () => {
    const { rows } = await withEngine((engine) => engine.call('rules.list', {}));
    printRows(rows, [
      ['ID', (row) => row.id],
      ['NAME', (row) => row.name],
      ['STATE', (row) => row.state],
      ['TYPE', (row) => row.type],
      ['PLATFORM', (row) => row.platform],
      ['POOL', (row) => row.pool],
      ['VMS', (row) => row.members.map((member) => `${member.name} (${member.state})`).join(', ')],
    ]);
  });
  rules.command('show <rule>').action(async (rule: string) => {
    printObject(await withEngine((engine) => engine.call('rules.get', { rule })));
  });
  rules
    .command('run <rule>')
    .option('--type <type>', `instead of the rule's own: ${backupTypes.join(' | ')}`)
    .option('--reread', 'read everything and compare with what the change information calls unchanged')
    .option('--object <vm...>', 'only these of its VMs')
    .option('--wait', 'until the tasks have ended')
    .action(async (rule: string, options: RunOptions) => {
      const params = {
        rule,
        reread: options.reread === true,
        ...(options.type === undefined ? {} : { type: choiceOf(backupTypes, options.type, '--type') }),
        ...(options.object === undefined ? {} : { objects: options.object }),
      };
      const started = await withEngine((engine) => engine.call('rules.run', params));
      note(`Started task ${started.taskIds.join(', ')}.`);
      await finishStarted(started, options.wait === true);
    });
  rules
    .command('remove <rule>')
    .option('--yes', 'do not ask')
    .action(async (rule: string, options: { yes?: boolean }) => {
      await confirmOrThrow(`Remove rule ${rule}? Its backups stay.`, options.yes === true);
      printObject(await withEngine((engine) => engine.call('rules.remove', { rule })));
    });
}

async function addRule({ name, platform, object, pool, client, ...options }: AddOptions): Promise<void> {
  const { quiesce, requireConsistency, scriptBefore, scriptAfter, scriptTimeout, transform } = options;
  const params = {
    name,
    platform,
    objects: object,
    pool,
    type: choiceOf(backupTypes, options.type, '--type'),
    ...(transform === undefined ? {} : { transform: choiceOf(transformCiphers, transform, '--transform') }),
    quiesce: {
      freeze: quiesce,
      requireConsistency: requireConsistency === true,
      scriptBefore: scriptBefore ?? null,
      scriptAfter: scriptAfter ?? null,
      scriptTimeoutSeconds: Number(scriptTimeout ?? 5),
    },
    ...(client === undefined ? {} : { client }),
  };
  if (transform !== undefined) note(lostKeyWarning);
  printObject(await withEngine((engine) => engine.call('rules.add', params)));
}
