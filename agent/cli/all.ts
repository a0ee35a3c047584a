import type { Command } from 'commander';
import { addDecode } from './decode.ts';
import { addInit } from './init.ts';
import { addKeys } from './keys.ts';
import { addRepo } from './repo/all.ts';
import { addRun } from './run.ts';
import { addServeRepo } from './serve-repo.ts';

/** Every command but the bridge. */
export const agentCommands: ReadonlyArray<(program: Command) => void> = [
  addInit,
  addRun,
  addServeRepo,
  addKeys,
  addDecode,
  addRepo,
];
