import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lab, startProgram } from '../../helpers/programs.ts';
import { isInstalled } from '../data/peers.ts';
import { HttpPutter } from './put-http.ts';
import { type BenchServer, inParallel, putBytes } from './server.ts';
import { freePort } from './sftp-server.ts';

/** rclone's server where it is installed, else our own, both without TLS. */
async function startServer(lab: Lab, folder: string): Promise<{ name: string; url: string; child: ChildProcess }> {
  if (!isInstalled('rclone')) {
    process.stderr.write('No rclone, so REST is our own serve-repo.\n');
    const program = await startProgram(
      'agent/main.ts',
      ['serve-repo', '--data', lab.path('node1'), '--path', folder, '--listen', '127.0.0.1:0'],
      lab.path('serve.log'),
    );
    return { name: 'REST: serve-repo', url: String(program.ready['url']), child: program.child };
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const child = spawn('rclone', ['serve', 'restic', folder, '--addr', `127.0.0.1:${port}`], {
    stdio: 'ignore',
    env: { ...process.env, RCLONE_CONFIG: '/dev/null' },
  });
  for (let tries = 0; !(await answers(url)); tries++) {
    if (tries > 100 || child.exitCode !== null) throw new Error('rclone does not start');
    await sleep(100);
  }
  return { name: 'REST: rclone', url, child };
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url);
    return true;
  } catch {
    // Not yet: the caller asks again, for a while.
    return false;
  }
}

export async function startRest(lab: Lab): Promise<BenchServer> {
  const folder = await mkdtemp(join(lab.folder, 'rest-'));
  const { name, url, child } = await startServer(lab, folder);
  const putter = new HttpPutter();
  await putter.put('POST', `${url}bare/?create=true`, {}, Buffer.alloc(0));
  const body = randomBytes(putBytes);
  return {
    name,
    poolOptions: async (place) => ['--kind', 'rest', '--url', `${url}${place}`],
    putBare: (count) =>
      inParallel(count, () => putter.put('POST', `${url}bare/data/${randomBytes(32).toString('hex')}`, {}, body)),
    async stop() {
      putter.close();
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
