import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../shared/errors.ts';
import { fingerprintHex, isFingerprint } from '../../shared/node/tls.ts';
import { lostKeyWarning } from './lost-key-warning.ts';
import { defaultAgentFolder, type ManagerAddress } from '../agent-config.ts';
import { type AgentIdentity, initAgent, loadAgent } from '../identity.ts';

interface InitCommandOptions {
  data: string;
  name?: string;
  manager?: string;
  fingerprint?: string;
  engineFile?: string;
  show?: boolean;
}

function print({ config, tls }: AgentIdentity): void {
  const { name, hwid, manager = null } = config;
  const { fingerprint } = tls;
  process.stdout.write(`${JSON.stringify({ name, hwid, fingerprint, manager })}\n`);
  // The form in which the console shows it, for comparing by eye; standard output stays one JSON line.
  process.stderr.write(`${fingerprintHex(fingerprint).join(' ')}\n`);
}

/** `holdfast-agent init`: keys, HWID and the manager to dial; `--show` prints them. */
export function addInit(program: Command): void {
  program
    .command('init')
    .description('make the identity of this agent, or show it')
    .option('--data <folder>', 'folder of the agent', defaultAgentFolder)
    .option('--name <name>', 'how the client is called in the console', hostname())
    .option('--manager <url>', 'wss://… that the engine printed as agentUrl; without it the engine comes over SSH')
    .option('--fingerprint <SHA256:…>', "fingerprint of the engine's certificate")
    .option('--engine-file <file>', 'engine.json of an engine on this machine')
    .option('--show', 'only print HWID and fingerprint')
    .option('--json', 'print JSON (the default)')
    .action(async (options: InitCommandOptions) => {
      const folder = resolve(options.data);
      if (options.show === true) return print(await loadAgent(folder));
      const { name, engineFile } = options;
      if (name === undefined || name.trim() === '') throw missing('--name');
      print(await initAgent({ folder, name: name.trim(), manager: managerOf(options), engineFile }));
      process.stderr.write(lostKeyWarning);
    });
}

/** Both options, or none: such an agent is reached over SSH. @throws AppError invalidValue */
function managerOf({ manager, fingerprint, engineFile }: InitCommandOptions): ManagerAddress | undefined {
  if (manager === undefined && fingerprint === undefined && engineFile === undefined) return undefined;
  if (manager === undefined || !manager.startsWith('wss://')) throw missing('--manager', 'a wss:// address');
  if (fingerprint === undefined || !isFingerprint(fingerprint))
    throw missing('--fingerprint', 'SHA256: and 43 characters');
  return { url: manager, fingerprint };
}

function missing(option: string, form = 'a value'): AppError {
  return new AppError('invalidValue', `${option}: ${form} is needed`, { field: option });
}
