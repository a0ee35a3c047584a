import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/node/log.ts';
import { readSecretFile } from '../../shared/node/secret-file.ts';
import { makePasswordLine } from '../exports/serve-repo/password-line.ts';
import { startRepositoryServer } from '../exports/serve-repo/server.ts';
import { defaultAgentFolder } from '../agent-config.ts';
import { loadAgent } from '../identity.ts';

interface ServeOptions {
  data: string;
  path: string;
  listen: string;
  usersFile?: string;
  appendOnly?: boolean;
  private?: boolean;
  maxFile: string;
}

/** `holdfast-agent serve-repo` and `serve-repo-user`: repositories of this host over restic's REST protocol. */
export function addServeRepo(program: Command): void {
  program
    .command('serve-repo')
    .description("serve the repositories below a folder over restic's REST protocol")
    .option('--data <folder>', 'folder of the agent, whose certificate is used', defaultAgentFolder)
    .requiredOption('--path <folder>', 'absolute path of the folder with the repositories')
    .requiredOption(
      '--listen <host:port>',
      'address to listen on; https, or http with --listen on loopback and no users',
    )
    .option('--users-file <file>', 'lines of serve-repo-user; without it nobody has to sign in')
    .option('--append-only', 'nothing can be overwritten or removed but locks')
    .option('--private', 'each user sees only the repositories below a folder of that name')
    .option('--max-file <mebibytes>', 'longest file that is taken', '65')
    .action(serve);
  program
    .command('serve-repo-user <name>')
    .description('print a line for the users file')
    .requiredOption('--password-file <file>')
    .action(async (name: string, { passwordFile }: { passwordFile: string }) => {
      const line = await makePasswordLine(name, await readSecretFile(passwordFile, '--password-file'));
      process.stdout.write(`${line}\n`);
    });
}

async function serve({ data, path, listen, usersFile, appendOnly, maxFile, ...options }: ServeOptions): Promise<void> {
  const log = createLogger('serve-repo');
  const { tls } = await loadAgent(resolve(data));
  const server = await startRepositoryServer({
    folder: resolve(path),
    listen: addressOf(listen),
    tls: { key: tls.key, cert: tls.cert },
    ...(usersFile === undefined ? {} : { usersFile: resolve(usersFile) }),
    appendOnly: appendOnly === true,
    isPrivate: options.private === true,
    maxFileBytes: mebibytesOf(maxFile),
    log: (line) => log.info(line),
  });
  const { url, fingerprint } = server;
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, url, fingerprint })}\n`);
  await new Promise<void>((wanted) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => wanted());
  });
  await server.stop();
  process.exit(0);
}

/** HOST:PORT; IPv6 in brackets. @throws AppError invalidValue */
function addressOf(text: string): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/u.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || !(port <= 65_535))
    throw new AppError('invalidValue', `--listen: "${text}" is not HOST:PORT`, { field: '--listen' });
  return { host: match[1].replace(/^\[|\]$/gu, ''), port };
}

/** @throws AppError invalidValue */
function mebibytesOf(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1024)
    throw new AppError('invalidValue', `--max-file: "${text}" is not between 1 and 1024`, { field: '--max-file' });
  return value * 1024 * 1024;
}
