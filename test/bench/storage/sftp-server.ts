import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../../shared/node/run-program.ts';
import type { Lab } from '../../helpers/programs.ts';
import { type BenchServer, inFlight, inParallel, putBytes } from './server.ts';

const program = '/usr/sbin/sshd';

async function startSshd(folder: string, port: number): Promise<ChildProcess> {
  for (const name of ['hostkey', 'id'])
    await runProgram('ssh-keygen', ['-q', '-N', '', '-t', 'ed25519', '-f', join(folder, name)]);
  const lines = [
    `HostKey ${join(folder, 'hostkey')}`,
    `ListenAddress 127.0.0.1:${port}`,
    `PidFile ${join(folder, 'sshd.pid')}`,
    `AuthorizedKeysFile ${join(folder, 'id.pub')}`,
    ...['StrictModes no', 'UsePAM no', 'PasswordAuthentication no', 'PermitRootLogin yes', 'MaxStartups 100'],
    'Subsystem sftp internal-sftp',
    '',
  ];
  await writeFile(join(folder, 'sshd_config'), lines.join('\n'));
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
  const options = ['-D', '-e', '-f', join(folder, 'sshd_config')];
  const server = spawn(program, options, { stdio: ['ignore', 'ignore', 'pipe'] });
  await once(server.stderr, 'data');
  server.stderr.resume();
  return server;
}

/** A real OpenSSH server; the bare client is OpenSSH's own `sftp`, a process for each upload in flight. */
export async function startSftp(lab: Lab): Promise<BenchServer> {
  const folder = await mkdtemp(join(lab.folder, 'sftp-'));
  const port = await freePort();
  const server = await startSshd(folder, port);
  const { username } = userInfo();
  const { stdout } = await runProgram('ssh-keygen', ['-lf', join(folder, 'hostkey.pub')]);
  const hostKey = stdout.split(' ')[1] ?? '';
  const body = join(folder, 'body');
  await writeFile(body, randomBytes(putBytes));
  const quiet = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'];
  const login = [
    '-b',
    '-',
    '-i',
    join(folder, 'id'),
    '-o',
    'IdentitiesOnly=yes',
    '-F',
    '/dev/null',
    '-P',
    String(port),
  ];
  return {
    name: 'SFTP: OpenSSH',
    async poolOptions(place) {
      const url = `sftp://${username}@127.0.0.1:${port}/${join(folder, place)}`;
      return ['--kind', 'sftp', '--url', url, '--key-file', join(folder, 'id'), '--host-key', hostKey];
    },
    async putBare(count) {
      const each = Math.ceil(count / inFlight);
      await inParallel(Math.ceil(count / each), async (number) => {
        const files = Math.min(each, count - number * each);
        const input = Array.from(
          { length: files },
          (_, file) => `put ${body} ${join(folder, `bare-${number}-${file}`)}\n`,
        );
        await runProgram('sftp', [...login, ...quiet, `${username}@127.0.0.1`], {
          input: input.join(''),
          timeoutMs: 600_000,
        });
      });
    },
    async stop() {
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
