import type { Command } from 'commander';
import { taskStates } from '../../shared/model/task.ts';
import { choiceOf } from '../../shared/option-values.ts';
import { note, printObject, printRows, time } from '../output.ts';
import { readReasons } from '../read-reasons.ts';
import { exitCodeOfState, explain, waitForTasks } from '../wait.ts';
import { withEngine } from '../with-engine.ts';
import { addListOptions, type ListOptions, listParams } from '../list-options.ts';

/** `tasks list | show | wait | cancel | abandon`. */
export function addTasks(program: Command): void {
  const tasks = program.command('tasks').description('what runs, waits and has run');
  addListOptions(tasks.command('list'))
    .option('--state <state...>')
    .option('--client <client>')
    .option('--object <vm>')
    .option('--rule <rule>')
    .action(listTasks);
  tasks.command('show <task>').action(async (task: string) => {
    const view = await withEngine((engine) => engine.call('tasks.get', { task }));
    for (const sentence of readReasons(view)) note(`task ${view.id}: ${sentence}`);
    printObject(view);
  });
  tasks.command('wait <task>').action(async (ref: string) => {
    const { id } = await withEngine((engine) => engine.call('tasks.get', { task: ref }));
    for (const task of await waitForTasks([id])) {
      explain(task);
      printObject(task);
      process.exitCode = exitCodeOfState(task.state);
    }
  });
  tasks.command('cancel <task>').action(async (task: string) => {
    printObject(await withEngine((engine) => engine.call('tasks.cancel', { task })));
  });
  tasks.command('abandon <task>').action(async (task: string) => {
    printObject(await withEngine((engine) => engine.call('tasks.abandon', { task })));
  });
}

interface TaskListOptions extends ListOptions {
  state?: string[];
  client?: string;
  object?: string;
  rule?: string;
}

async function listTasks({ state, client, object, rule, ...list }: TaskListOptions): Promise<void> {
  const states = state?.map((text) => choiceOf(taskStates, text, '--state'));
  const params = {
    ...listParams(list),
    ...(states === undefined ? {} : { state: states }),
    ...(client === undefined ? {} : { client }),
    ...(object === undefined ? {} : { object }),
    ...(rule === undefined ? {} : { rule }),
  };
  const { rows } = await withEngine((engine) => engine.call('tasks.list', params));
  printRows(rows, [
    ['ID', (row) => row.id],
    ['KIND', (row) => row.kind],
    ['VM', (row) => row.object],
    ['POOL', (row) => row.pool],
    ['STATE', (row) => row.state],
    ['STEP', (row) => row.step],
    ['%', (row) => row.percent],
    ['CREATED', (row) => time(row.createdAt)],
    ['WAITS FOR / ERROR', (row) => row.error?.message ?? row.waitingFor],
  ]);
}
