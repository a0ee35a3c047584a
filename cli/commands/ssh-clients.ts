import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { AppError, messageOf } from '../../shared/errors.ts';
import { defaultSshCommand } from '../../shared/model/ssh.ts';
import { printObject } from '../output.ts';
import { withEngine } from '../with-engine.ts';

interface AddSshOptions {
  name: string;
  host: string;
  port: string;
  user: string;
  keyFile: string;
  hostKey?: string;
  command: string;
}

/** `clients add-ssh`: the engine dials the host; its agent was initialised without --manager. */
export function addAddSsh(clients: Command): void {
  clients
    .command('add-ssh')
    .description('add and authorize an agent that the engine reaches over SSH')
    .requiredOption('--name <name>', 'how the client is called')
    .requiredOption('--host <host>', 'name or address of its host, seen from the engine')
    .option('--port <port>', 'port of the SSH server', '22')
    .requiredOption('--user <user>', 'login on the host')
    .requiredOption('--key-file <file>', 'private key without a passphrase; the engine keeps it, encrypted')
    .option('--host-key <SHA256:…>', 'fingerprint to pin; without it the offered one is shown and nothing is added')
    .option('--command <command>', 'what starts the agent there', defaultSshCommand)
    .action(async (options: AddSshOptions) => {
      const { name, host, user, hostKey, command } = options;
      const port = Number(options.port);
      if (!Number.isInteger(port))
        throw new AppError('invalidValue', '--port: a number is needed', { field: '--port' });
      const privateKey = await readKey(options.keyFile);
      const view = await withEngine(async (engine) => {
        if (hostKey !== undefined)
          return engine.call('clients.addSsh', { name, host, port, user, hostKey, command, privateKey });
        const offered = await engine.call('clients.probeSsh', { host, port });
        throw unknownHost(host, port, offered.hostKey);
      });
      printObject(view);
    });
}

function unknownHost(host: string, port: number, offered: string): AppError {
  return new AppError('hostKeyUnknown', `${host}:${port} offers the host key ${offered}`, {
    field: '--host-key',
    hint: `Compare it on that host (ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub), then repeat with --host-key ${offered}`,
  });
}

async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('invalidValue', `--key-file: ${messageOf(error)}`, { field: '--key-file', cause: error });
  }
}
