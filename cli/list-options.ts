import type { Command } from 'commander';
import { AppError } from '../shared/errors.ts';

export interface ListOptions {
  limit: string;
  offset: string;
  since?: string;
}

/** `--limit`, `--offset`, `--since` of the lists that grow without bound. */
export function addListOptions(command: Command): Command {
  return command
    .option('--limit <n>', 'at most this many', '200')
    .option('--offset <n>', 'skip this many', '0')
    .option('--since <time>', 'ISO time, for example 2026-11-21T02:00');
}

/** @throws AppError invalidValue naming the option */
export function listParams(options: ListOptions): { limit: number; offset: number; since?: number } {
  const since = options.since === undefined ? undefined : Date.parse(options.since);
  if (Number.isNaN(since))
    throw new AppError('invalidValue', `--since: "${options.since}" is no time`, { field: '--since' });
  return {
    limit: count(options.limit, '--limit'),
    offset: count(options.offset, '--offset'),
    ...(since === undefined ? {} : { since }),
  };
}

function count(text: string, option: string): number {
  if (!/^\d{1,6}$/u.test(text))
    throw new AppError('invalidValue', `${option}: "${text}" is not a number`, { field: option });
  return Number(text);
}
