import type { Command } from 'commander';
import { AppError, messageOf } from '../../shared/errors.ts';
import { engineContract } from '../../shared/contract/engine/all.ts';
import { addListOptions, type ListOptions, listParams } from '../list-options.ts';
import { note, printObject, printRows, time } from '../output.ts';
import { withEngine } from '../with-engine.ts';

/** `logs list` and `call`, which reaches every method of the contract. */
export function addLogs(program: Command): void {
  const logs = program.command('logs').description('what happened');
  addListOptions(logs.command('list')).action(async (options: ListOptions) => {
    const { rows } = await withEngine((engine) => engine.call('logs.list', listParams(options)));
    printRows(rows, [
      ['TIME', (row) => time(row.at)],
      ['LEVEL', (row) => row.level],
      ['SOURCE', (row) => row.source],
      ['MESSAGE', (row) => row.message],
    ]);
  });
  program
    .command('call <method> [params]')
    .description('call any method of the contract with JSON parameters')
    .action(async (method: string, params?: string) => {
      const name = (Object.keys(engineContract) as Array<keyof typeof engineContract>).find(
        (known) => known === method,
      );
      if (name === undefined)
        throw new AppError('unknownMethod', `method ${method} does not exist`, {
          hint: `Known: ${Object.keys(engineContract).join(', ')}`,
        });
      const result = await withEngine((engine) => engine.call(name, parseJson(params ?? '{}') as never));
      if (result === undefined) note('done');
      else printObject(result);
    });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('invalidValue', `the parameters are not JSON: ${messageOf(error)}`);
  }
}
