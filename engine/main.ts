import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, exitCodeOf, toWireError } from '../shared/errors.ts';
import '../shared/node/rpc-runtime.ts';
import { requireNode24 } from '../shared/node/node-version.ts';
import { parseListenAddress } from '../shared/node/listen.ts';
import { readSecretFile } from '../shared/node/secret-file.ts';
import { defaultDataFolder } from './data-folder.ts';
import { type Engine, startEngine } from './engine.ts';

const checkout = fileURLToPath(new URL('..', import.meta.url));

/** The engine as a program: `serve`, and what `npm start` runs. Prints one JSON line when ready. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      listen: { type: 'string', default: '127.0.0.1:0' },
      'agent-listen': { type: 'string', default: '127.0.0.1:0' },
      'no-local-agent': { type: 'boolean', default: false },
      'admin-password-file': { type: 'string' },
      embedded: { type: 'boolean', default: false },
    },
  });
  const passwordFile = values['admin-password-file'];
  const engine = await startEngine({
    dataFolder: resolve(values.data ?? defaultDataFolder()),
    listen: parseListenAddress(values.listen, '--listen'),
    agentListen: parseListenAddress(values['agent-listen'], '--agent-listen'),
    pageFolder: resolve(checkout, 'dist/renderer'),
    agentCommand: values['no-local-agent']
      ? undefined
      : [process.execPath, '--max-semi-space-size=2', resolve(checkout, 'agent/main.ts')],
    adminPassword: passwordFile === undefined ? undefined : await adminPassword(passwordFile),
    embedded: values.embedded,
  });
  stopOnSignal(engine);
  const { addresses, fingerprint } = engine.core;
  const first = engine.firstToken === undefined ? {} : { firstToken: engine.firstToken };
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, ...addresses, fingerprint, ...first })}\n`);
}

async function adminPassword(path: string): Promise<string> {
  const password = await readSecretFile(path, '--admin-password-file');
  if (password.length < 8)
    throw new AppError('invalidValue', '--admin-password-file: the password must have at least 8 characters');
  return password;
}

function stopOnSignal(engine: Engine): void {
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    engine.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        engine.core.log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

requireNode24();
main().catch((error: unknown) => {
  const wire = toWireError(error);
  process.stdout.write(`${JSON.stringify({ error: wire })}\n`);
  process.stderr.write(`${wire.message}${wire.hint === undefined ? '' : ` ${wire.hint}`}\n`);
  process.exit(exitCodeOf(wire.code));
});
