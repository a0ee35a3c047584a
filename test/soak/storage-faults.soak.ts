// What can happen to a storage in the middle of a backup, on each real server; a table is printed at the end.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { systemClock } from '../../agent/repository/lock.ts';
import { openRepository } from '../../agent/repository/repository.ts';
import { LocalStorage } from '../../agent/repository/storage/local.ts';
import { runProgram } from '../../shared/node/run-program.ts';
import { CuttingRelay } from '../helpers/cutting-relay.ts';
import { lacking } from '../helpers/needs.ts';
import { Lab, poolPassword, type Program, startProgram } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { hasRestic } from '../helpers/restic.ts';
import { S3Peer } from '../helpers/s3-peer/s3-peer.ts';
import { missingSshd, TestSshd } from '../helpers/sshd.ts';
import { onTmpfs } from '../helpers/tmpfs.ts';

const mib = 1024 * 1024;
const minute = 60_000;

/** A server with one pool on it. */
interface Served {
  relay: CuttingRelay;
  pool: string;
  /** restic's check of all data, through restic's own client of the storage where it has one. */
  check(): Promise<string>;
  /** Refuses the login until the returned function is called. */
  denyLogin(): Promise<() => Promise<void>>;
  /** Another machine answers in its place until the returned function is called; undefined = the storage has no such proof. */
  impersonate?: () => Promise<() => Promise<void>>;
  /** Lets no more be stored until the returned function is called. */
  fill(): Promise<() => Promise<void>>;
  /** The server's clock is wrong until the returned function is called. */
  skew?: () => () => void;
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('faults of storages', () => {
  let lab: Lab;
  let image: string;
  const table: string[] = [];

  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    image = lab.path('images', 'vm.raw');
    await mkdir(lab.path('images'));
    await fill();
    await lab.addImages('node1');
  });
  afterAll(async () => {
    await lab.close();
    process.stdout.write(`\n| storage | fault | the task | the next |\n|---|---|---|---|\n${table.join('\n')}\n`);
  });

  const fill = () => writeRandomFile(image, 80 * mib, [{ at: 0, length: 64 * mib }]);

  async function restic(repository: string, options: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
    const file = await lab.passwordFile(poolPassword);
    const place = ['-r', repository, ...options, '--password-file', file, '--no-cache'];
    return (await runProgram('restic', [...place, 'check', '--read-data'], { env: { ...process.env, ...env } })).stdout;
  }

  async function addPool(name: string, place: readonly string[]): Promise<void> {
    const password = await lab.passwordFile(poolPassword);
    await lab.ok('pools', 'add', '--name', name, '--client', 'node1', '--password-file', password, ...place);
    const what = ['--platform', 'images', '--object', 'vm.raw', '--pool', name];
    await lab.ok('rules', 'add', '--name', name, ...what);
    await fill();
    expect(await lab.ended(await lab.run(name))).toMatchObject({ error: null });
  }

  /** One row: a fault during a backup of all-new data, then a backup without it, and its restore. */
  async function row(
    served: Served,
    fault: string,
    wanted: string,
    bring: () => Promise<() => unknown>,
  ): Promise<void> {
    const { pool } = served;
    await fill();
    const id = await lab.run(pool);
    await lab.untilStep('node1', 'copyingData');
    const undo = await bring();
    const task = await lab.ended(id, 300);
    await undo();
    const outcome = task.error === null ? task.state : `${task.state}: ${task.error.code}`;
    const next = await lab.ended(await lab.run(pool), 300);
    table.push(`| ${pool} | ${fault} | ${outcome} | ${next.error?.code ?? next.state} |`);
    expect([fault, outcome]).toEqual([fault, wanted]);
    expect(next).toMatchObject({ error: null, state: 'done' });
    const folder = lab.path(`out-${next.id}`);
    const { taskIds } = await lab.ok('restore', String(next.backupId), '--to', folder);
    expect(await lab.ended((taskIds as number[])[0] ?? 0)).toMatchObject({ error: null });
    const { objectUuid } = await lab.ok('backups', 'show', String(next.backupId));
    expect(await hashFile(`${folder}/${String(objectUuid)}/disks/vm.raw/disk.raw`)).toBe(await hashFile(image));
  }

  async function matrix(served: Served): Promise<void> {
    const { relay } = served;
    const cutAfter = (bytes: number) => async () => {
      relay.cutAfter(bytes);
      return () => undefined;
    };
    await row(served, 'line cut before a pack', 'done', cutAfter(1));
    await row(served, 'line cut in a pack', 'done', cutAfter(24 * mib));
    await row(served, 'line cut after the packs', 'done', cutAfter(64 * mib + 40_000));
    await row(served, 'gone for 4 s', 'done', async () => {
      relay.refuses = true;
      relay.cut();
      await delay(4000);
      relay.refuses = false;
      return () => undefined;
    });
    await row(served, 'slow: 4 MiB/s a line', 'done', async () => {
      relay.bytesPerSecond = 4 * mib;
      return () => (relay.bytesPerSecond = Infinity);
    });
    await row(served, 'login refused', 'failed: storageDenied', async () => {
      const undo = await served.denyLogin();
      relay.cut();
      return undo;
    });
    const { impersonate, skew } = served;
    if (impersonate !== undefined) {
      await row(served, 'another server answers', 'failed: storageDenied', async () => {
        const undo = await impersonate();
        relay.cut();
        return undo;
      });
    }
    await row(served, 'full', 'failed: storageFull', () => served.fill());
    if (skew !== undefined) await row(served, 'clock 20 min wrong', 'failed: storageDenied', async () => skew());
    expect(await served.check()).toContain('no errors were found');
    expect(await lab.rows('repo', 'locks', served.pool)).toEqual([]);
  }

  /** A file that leaves no room on the file system. */
  async function takeRoom(folder: string): Promise<() => Promise<void>> {
    await runProgram('fallocate', ['-l', '330M', `${folder}/ballast`]);
    return async () => {
      await runProgram('rm', [`${folder}/ballast`]);
    };
  }

  it.skipIf(lacking(missingSshd))('SFTP', { timeout: 10 * minute }, async (context: TestContext) => {
    await onTmpfs(context, '900m', async (folder) => {
      const server = await TestSshd.start();
      const relay = await CuttingRelay.to(server.port);
      const url = `sftp://${server.user}@127.0.0.1:${relay.port}//${folder.slice(1)}/repository`;
      const key = ['--key-file', server.path('id'), '--host-key', await server.fingerprint()];
      await addPool('sftp', ['--kind', 'sftp', '--url', url, ...key]);
      const swap = async (a: string, b: string) => {
        await rename(server.path(a), server.path('swap'));
        await rename(server.path(b), server.path(a));
        await rename(server.path('swap'), server.path(b));
      };
      await matrix({
        relay,
        pool: 'sftp',
        check: async () => {
          const access = ['-o', await server.resticOption()];
          return restic(`sftp:${server.user}@127.0.0.1:${folder}/repository`, access, {});
        },
        denyLogin: async () => {
          const keys = await readFile(server.path('authorized_keys'));
          await writeFile(server.path('authorized_keys'), '');
          return () => writeFile(server.path('authorized_keys'), keys);
        },
        impersonate: async () => {
          await swap('hostkey', 'other-id');
          await server.stopServer();
          await server.startServer();
          return async () => {
            await swap('hostkey', 'other-id');
            await server.stopServer();
            await server.startServer();
          };
        },
        fill: () => takeRoom(folder),
      });
    });
  });

  it('REST', { timeout: 10 * minute }, async (context: TestContext) => {
    await onTmpfs(context, '900m', async (folder) => {
      const secret = await lab.passwordFile('rest password');
      const user = ['serve-repo-user', 'backup', '--password-file', secret];
      await writeFile(lab.path('users'), (await runProgram(process.execPath, ['agent/main.ts', ...user])).stdout);
      await mkdir(lab.path('stranger'));
      await lab.initAgent('stranger');
      let port = 0;
      const serve = (data: string): Promise<Program> => {
        const options = ['--path', folder, '--listen', `127.0.0.1:${port}`, '--users-file', lab.path('users')];
        return startProgram(
          'agent/main.ts',
          ['serve-repo', '--data', lab.path(data), ...options],
          lab.path('serve.log'),
        );
      };
      let server = await serve('node1');
      port = Number(new URL(String(server.ready['url'])).port);
      try {
        const relay = await CuttingRelay.to(port);
        const login = [
          '--user',
          'backup',
          '--secret-file',
          secret,
          '--fingerprint',
          String(server.ready['fingerprint']),
        ];
        await addPool('rest', ['--kind', 'rest', '--url', `https://127.0.0.1:${relay.port}/pool`, ...login]);
        const restart = async (data: string) => {
          await server.kill('SIGKILL');
          server = await serve(data);
        };
        await matrix({
          relay,
          pool: 'rest',
          check: () => restic(`${folder}/pool`, [], {}),
          denyLogin: async () => {
            const users = await readFile(lab.path('users'));
            await writeFile(lab.path('users'), users.toString().replace(/^backup/u, 'nobody'));
            await restart('node1');
            return async () => {
              await writeFile(lab.path('users'), users);
              await restart('node1');
            };
          },
          impersonate: async () => {
            await restart('stranger');
            return () => restart('node1');
          },
          fill: () => takeRoom(folder),
        });
      } finally {
        await server.kill('SIGTERM');
      }
    });
  });

  it('S3', { timeout: 10 * minute }, async () => {
    const peer = await S3Peer.start();
    const relay = await CuttingRelay.to(peer.port);
    const secret = await lab.passwordFile(peer.login.secretKey);
    const url = `http://127.0.0.1:${relay.port}/bucket/holdfast`;
    await addPool('s3', ['--kind', 's3', '--url', url, '--access-key', peer.login.accessKey, '--secret-file', secret]);
    const { accessKey, secretKey } = peer.login;
    await matrix({
      relay,
      pool: 's3',
      check: () => restic(`s3:${url}`, [], { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey }),
      denyLogin: async () => {
        peer.fault = () => ({ kind: 'refuse', status: 403, code: 'InvalidAccessKeyId' });
        return async () => {
          peer.fault = () => undefined;
        };
      },
      fill: async () => {
        peer.quotaBytes = peer.objects.usedBytes;
        return async () => {
          peer.quotaBytes = Infinity;
        };
      },
      skew: () => {
        peer.clockOffsetMs = 20 * minute;
        return () => (peer.clockOffsetMs = 0);
      },
    });
  });

  it('a lock from a machine whose clock is 20 minutes wrong is neither stale nor in the way', async () => {
    await lab.addPool('node1');
    await lab.ok('rules', 'add', '--name', 'local', '--platform', 'images', '--object', 'vm.raw', '--pool', 'Default');
    const repository = await openRepository(new LocalStorage(lab.path('pool')), poolPassword);
    for (const offset of [-20 * minute, 20 * minute]) {
      const clock = { ...systemClock, now: () => Date.now() + offset };
      const lock = await repository.lock({ hostname: 'elsewhere', clock });
      expect(await lab.ended(await lab.run('local'))).toMatchObject({ error: null, state: 'done' });
      expect(await lab.rows('repo', 'locks', 'Default', '--remove-stale', '--yes')).toHaveLength(1);
      await lock.release();
    }
    await repository.close();
    expect(await lab.rows('repo', 'locks', 'Default')).toEqual([]);
  });
});
