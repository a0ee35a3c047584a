import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

/** What is missing on this machine for {@link startRclone}. */
export const missingRclone =
  spawnSync('rclone', ['version']).status === 0 ? undefined : 'rclone is not installed (Debian: rclone)';

/** rclone's server of restic's REST protocol over a new folder, an independent implementation. Ends with the test. */
export async function startRclone(user: string, secret: string): Promise<{ url: string; folder: string }> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const child = spawn('rclone', ['serve', 'restic', folder, '--addr', `127.0.0.1:${port}`], {
    stdio: 'ignore',
    env: { ...process.env, RCLONE_CONFIG: '/dev/null', RCLONE_USER: user, RCLONE_PASS: secret },
  });
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 100 || child.exitCode !== null) throw new Error('rclone does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url: `http://127.0.0.1:${port}/`, folder };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
