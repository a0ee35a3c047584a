// Pools on servers, through engine, agent and command line; each server is a real one that the test starts.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../shared/node/run-program.ts';
import { lacking } from '../helpers/needs.ts';
import { Lab, poolPassword, startProgram } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { S3Peer } from '../helpers/s3-peer/s3-peer.ts';
import { missingSshd, TestSshd } from '../helpers/sshd.ts';

const mib = 1024 * 1024;

describe('pools on servers', () => {
  let lab: Lab;
  let image: string;

  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    image = `${await lab.addImages('node1')}/vm.raw`;
  });
  afterAll(() => lab.close());

  const fill = (mebibytes: number) => writeRandomFile(image, 80 * mib, [{ at: 0, length: mebibytes * mib }]);

  it.skipIf(lacking(missingSshd))(
    'SFTP: backup, restore, restic, a restart of the server, a killed agent',
    async () => {
      const server = await TestSshd.start();
      const hostKey = await server.fingerprint();
      const locks = async () => readdir(server.path('home', 'repository', 'locks'));
      const url = `sftp://${server.user}@127.0.0.1:${server.port}//${server.path('home', 'repository').slice(1)}`;
      const add = async (name: string, key: string) => {
        const password = await lab.passwordFile(poolPassword);
        const place = ['--kind', 'sftp', '--client', 'node1', '--url', url, '--host-key', key];
        const secrets = ['--key-file', server.path('id'), '--password-file', password];
        return lab.cli('pools', 'add', '--name', name, ...place, ...secrets);
      };
      await fill(48);

      const refused = await add('wrong', `SHA256:${'A'.repeat(43)}`);
      expect(refused).toMatchObject({ code: 1, json: { error: { code: 'storageDenied' } } });
      expect(JSON.stringify(refused.json)).toContain(hostKey);

      expect(await add('remote', hostKey)).toMatchObject({ code: 0 });
      expect((await lab.rows('pools', 'list'))[0]).toMatchObject({ kind: 'sftp', path: url, freeBytes: null });
      await lab.ok('rules', 'add', '--name', 'sftp', '--platform', 'images', '--object', 'vm.raw', '--pool', 'remote');
      const task = await lab.ended(await lab.run('sftp'));
      expect(task).toMatchObject({ error: null, state: 'done' });
      const { taskIds } = await lab.ok('restore', String(task.backupId), '--to', lab.path('out'));
      expect(await lab.ended((taskIds as number[])[0] ?? 0)).toMatchObject({ error: null });
      const backup = await lab.ok('backups', 'show', String(task.backupId));
      const restored = lab.path('out', String(backup['objectUuid']), 'disks', 'vm.raw', 'disk.raw');
      expect(await hashFile(restored)).toBe(await hashFile(image));
      const passwordFile = lab.path('restic-password');
      await writeFile(passwordFile, poolPassword);
      const place = ['-r', `sftp:${server.user}@127.0.0.1:${server.path('home', 'repository')}`];
      const access = ['-o', await server.resticOption(), '--password-file', passwordFile, '--no-cache'];
      const { stdout } = await runProgram('restic', [...place, ...access, 'check', '--read-data']);
      expect(stdout).toContain('no errors were found');

      // Moved with what is stored: the key is not given again, and a wrong host key comes back with its name.
      const other = await lab.cli('pools', 'edit', 'remote', '--host-key', `SHA256:${'A'.repeat(43)}`);
      expect(other).toMatchObject({ code: 1, json: { error: { code: 'storageDenied', field: 'hostKey' } } });
      const sameFolder = url.replace(/repository$/u, '../home/repository');
      expect(await lab.ok('pools', 'edit', 'remote', '--url', sameFolder)).toMatchObject({ path: sameFolder });
      await lab.ok('pools', 'edit', 'remote', '--url', url);

      // The server goes away in the middle and comes back: that costs time, not the backup.
      await fill(64);
      await lab.ok('pools', 'edit', 'remote', '--max-rate', '16MiB');
      const interrupted = await lab.run('sftp');
      await lab.untilStep('node1', 'copyingData');
      await server.stopServer();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await server.startServer();
      expect(await lab.ended(interrupted, 90)).toMatchObject({ error: null, state: 'done' });
      expect(await locks()).toEqual([]);

      // A killed agent cannot remove its lock without the key; the next job brings it.
      await fill(70);
      const killed = await lab.run('sftp');
      await lab.untilStep('node1', 'copyingData');
      await lab.agent('node1').kill('SIGKILL');
      expect((await locks()).length).toBe(1);
      await lab.startAgent('node1');
      expect((await lab.ended(killed)).error).toMatchObject({ code: 'agentStopped' });
      expect(await lab.ended(await lab.run('sftp'), 90)).toMatchObject({ error: null });
      expect(await locks()).toEqual([]);

      const apart = url.replace(/repository$/u, 'apart');
      const password = await lab.passwordFile(poolPassword);
      const login = ['--host-key', hostKey, '--key-file', server.path('id'), '--password-file', password];
      await addApart('sftp-apart', '--kind', 'sftp', '--url', apart, ...login);

      const key = (await readFile(server.path('id'), 'utf8')).split('\n')[1] ?? '';
      for (const text of [
        await lab.agentLog('node1'),
        await readFile(lab.path('engine.log'), 'utf8').catch(() => ''),
      ]) {
        expect(text).not.toContain(key);
        expect(text).not.toContain(poolPassword);
      }
    },
  );

  /** A pool with a repository for each client on the same server. */
  async function addApart(name: string, ...place: string[]): Promise<void> {
    const edges = ['--name', name, '--client', 'node1', '--repository-per', 'client'];
    const { repositories } = await lab.ok('pools', 'add', ...place, ...edges);
    expect(repositories).toEqual([
      expect.objectContaining({
        client: 'node1',
        place: expect.stringMatching(/\/apart\/node1-[0-9a-f]{8}$/u) as unknown,
      }),
    ]);
    await backUpAndRestore(name);
    const { json, code } = await lab.cli('repo', 'check', name, '--read-data');
    expect({ json, code }).toMatchObject({ code: 0, json: { ok: true } });
  }

  /** A backup into the pool, restored and compared. @returns the number of the backup */
  async function backUpAndRestore(pool: string): Promise<number> {
    await lab.ok('rules', 'add', '--name', pool, '--platform', 'images', '--object', 'vm.raw', '--pool', pool);
    const task = await lab.ended(await lab.run(pool));
    expect(task).toMatchObject({ error: null, state: 'done' });
    const { taskIds } = await lab.ok('restore', String(task.backupId), '--to', lab.path(`out-${pool}`));
    expect(await lab.ended((taskIds as number[])[0] ?? 0)).toMatchObject({ error: null });
    const backup = await lab.ok('backups', 'show', String(task.backupId));
    const restored = lab.path(`out-${pool}`, String(backup['objectUuid']), 'disks', 'vm.raw', 'disk.raw');
    expect(await hashFile(restored)).toBe(await hashFile(image));
    return task.backupId ?? 0;
  }

  it('REST: an append-only server of the agent itself, with a pinned certificate and a user', async () => {
    await fill(20);
    const passwordFile = await lab.passwordFile('rest password');
    const user = await runProgram(process.execPath, [
      'agent/main.ts',
      ...['serve-repo-user', 'backup', '--password-file', passwordFile],
    ]);
    await writeFile(lab.path('users'), user.stdout);
    await mkdir(lab.path('served'));
    const options = ['--path', lab.path('served'), '--listen', '127.0.0.1:0', '--users-file', lab.path('users')];
    const server = await startProgram(
      'agent/main.ts',
      ['serve-repo', '--data', lab.path('node1'), ...options, '--append-only'],
      lab.path('serve.log'),
    );
    try {
      const url = `${String(server.ready['url'])}pool`;
      const password = await lab.passwordFile(poolPassword);
      const place = [
        '--kind',
        'rest',
        '--client',
        'node1',
        '--url',
        url,
        '--user',
        'backup',
        '--password-file',
        password,
      ];
      const pin = ['--fingerprint', String(server.ready['fingerprint'])];
      const wrong = await lab.cli('pools', 'add', '--name', 'rest', ...place, ...pin, '--secret-file', password);
      expect(wrong).toMatchObject({ code: 1, json: { error: { code: 'storageDenied' } } });
      await lab.ok('pools', 'add', '--name', 'rest', ...place, ...pin, '--secret-file', passwordFile);
      await backUpAndRestore('rest');
      const apart = place.map((text) => (text === url ? `${String(server.ready['url'])}apart` : text));
      await addApart('rest-apart', ...apart, ...pin, '--secret-file', passwordFile);
      expect(await readdir(lab.path('served', 'pool', 'locks'))).toEqual([]);
    } finally {
      await server.kill('SIGTERM');
    }
  });

  it('S3: a strict server, wrong keys told apart', async () => {
    await fill(20);
    const peer = await S3Peer.start();
    const password = await lab.passwordFile(poolPassword);
    const secretFile = await lab.passwordFile(peer.login.secretKey);
    const url = `${peer.url}/bucket/holdfast`;
    const place = ['--kind', 's3', '--client', 'node1', '--url', url, '--password-file', password];
    const wrong = ['--access-key', peer.login.accessKey, '--secret-file', password];
    expect(await lab.cli('pools', 'add', '--name', 's3', ...place, ...wrong)).toMatchObject({
      code: 1,
      json: { error: { code: 'storageDenied' } },
    });
    await lab.ok(
      'pools',
      'add',
      '--name',
      's3',
      ...place,
      '--access-key',
      peer.login.accessKey,
      '--secret-file',
      secretFile,
    );
    await backUpAndRestore('s3');
    const apart = place.map((text) => (text === url ? `${peer.url}/bucket/apart` : text));
    await addApart('s3-apart', ...apart, '--access-key', peer.login.accessKey, '--secret-file', secretFile);
  });
});
