import type { Command } from 'commander';
import { AppError } from '../../shared/errors.ts';
import { readSecretFile } from '../../shared/node/secret-file.ts';
import { isFingerprint } from '../../shared/node/tls.ts';
import { connect } from '../connect.ts';
import { saveCredentials } from '../credentials.ts';
import { isJson, note, printObject } from '../output.ts';
import { withEngine } from '../with-engine.ts';

interface LoginOptions {
  url: string;
  user: string;
  passwordFile: string;
  fingerprint?: string;
  printToken?: boolean;
}

/** `login` and `status`. */
export function addLogin(program: Command): void {
  program
    .command('login')
    .description('sign in to an engine and remember the session')
    .requiredOption('--url <url>', 'address that serve printed')
    .requiredOption('--user <name>')
    .requiredOption('--password-file <file>')
    .option('--fingerprint <SHA256:…>', 'certificate of an https engine')
    .option('--print-token', 'print the token, for HOLDFAST_TOKEN')
    .action(login);
  program
    .command('status')
    .description('the engine one is signed in to')
    .action(async () => printObject(await withEngine((engine) => engine.call('system.get', {}))));
}

async function login(options: LoginOptions): Promise<void> {
  const { url, fingerprint } = options;
  if (fingerprint !== undefined && !isFingerprint(fingerprint)) {
    throw new AppError('invalidValue', '--fingerprint must look like SHA256: and 43 characters', {
      field: '--fingerprint',
    });
  }
  const password = await readSecretFile(options.passwordFile, '--password-file');
  const engine = await connect({ url, fingerprint });
  try {
    const { token, expiresAt, user } = await engine.call('session.signIn', { user: options.user, password });
    const path = await saveCredentials({ url, token, ...(fingerprint === undefined ? {} : { fingerprint }) });
    note(`Signed in as ${user.name}; the session is kept in ${path}.`);
    if (options.printToken === true && !isJson()) process.stdout.write(`${token}\n`);
    else printObject({ url, user: user.name, expiresAt, ...(options.printToken === true ? { token } : {}) });
  } finally {
    engine.close();
  }
}
