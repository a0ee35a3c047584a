import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { transportSchema } from '../../shared/model/ssh.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { adminPassword, Lab, poolPassword } from '../helpers/programs.ts';
import { Restic } from '../helpers/restic.ts';
import { missingSshd } from '../helpers/sshd.ts';

const mib = 1024 * 1024;

const transports = missingSshd === undefined ? transportSchema.options : (['websocket'] as const);

describe.each(transports)('an image directory through all three programs, over %s', (transport) => {
  let lab: Lab;
  let images: string;
  beforeAll(async () => {
    lab = await Lab.create(transport);
    await lab.startEngine();
  });
  afterAll(() => lab.close());

  const isSsh = transport === 'ssh';

  it.skipIf(isSsh)('shows a new agent as unauthorized and lets it do nothing', async () => {
    await lab.initAgent('node1');
    await lab.startAgent('node1');
    await lab.until('the client', async () => (await lab.rows('clients', 'list')).length === 1);
    const [client] = await lab.rows('clients', 'list');
    expect(client).toMatchObject({
      id: 1,
      name: 'node1',
      state: 'unauthorized',
      authorized: false,
      address: '127.0.0.1',
    });
    expect(client?.['fingerprint']).toBe(lab.agent('node1').ready['fingerprint']);
    const shown = await lab.program('agent/main.ts', ['init', '--data', lab.path('node1'), '--show']);
    expect(shown.json).toMatchObject({ hwid: client?.['hwid'], fingerprint: client?.['fingerprint'] });
    // The same 32 pairs that the console shows.
    expect(shown.stderr).toMatch(/^([0-9A-F]{2} ){31}[0-9A-F]{2}$/mu);
    expect(await lab.fails('objects', 'list', '--client', 'node1')).toMatchObject({
      exit: 3,
      code: 'clientUnauthorized',
    });
    expect(
      await lab.fails('platforms', 'add', '--client', '1', '--kind', 'image-directory', '--path', lab.folder),
    ).toMatchObject({
      exit: 3,
      code: 'clientUnauthorized',
    });
  });

  it.runIf(isSsh)('is online once it is added', async () => {
    await lab.addAgent('node1');
    expect(await lab.rows('clients', 'list')).toMatchObject([{ id: 1, name: 'node1', state: 'online', transport }]);
  });

  it.skipIf(isSsh)('is online once it is authorized', async () => {
    const view = await lab.ok('clients', 'authorize', 'node1');
    expect(view).toMatchObject({ state: 'online', authorized: true });
  });

  it('lists images as VMs', async () => {
    images = lab.path('images');
    await mkdir(images);
    await writeRandomFile(`${images}/web.raw`, 64 * mib + 4096, [
      { at: 0, length: 5 * mib },
      { at: 40 * mib + 512, length: 3 * mib },
    ]);
    await lab.ok(
      'platforms',
      'add',
      '--client',
      'node1',
      '--kind',
      'image-directory',
      '--path',
      images,
      '--name',
      'images',
    );
    expect(await lab.rows('objects', 'list')).toMatchObject([
      {
        id: 1,
        name: 'web.raw',
        platform: 'images',
        state: 'file',
        disks: [{ id: 'web.raw', format: 'raw', sizeBytes: 64 * mib + 4096 }],
      },
    ]);
  });

  it('makes a repository that public restic opens', async () => {
    await lab.addPool('node1');
    const { stdout } = await (await Restic.at(lab.path('pool'), poolPassword)).run(['cat', 'config']);
    const [pool] = await lab.rows('pools', 'list');
    expect(stdout).toContain(String(pool?.['repositoryId']));
    const checks = await lab.rows('pools', 'test', 'Default');
    expect(checks.map((check) => check['ok'])).toEqual([true, true, true]);
  });

  it('backs up, and the copy is right by restic and by our own restore', async () => {
    await lab.addRule('nightly', 'web.raw');
    const { code, json } = await lab.cli('rules', 'run', 'nightly', '--wait');
    expect({ code, json }).toEqual({ code: 0, json: { taskIds: [1] } });
    const task = await lab.task(1);
    expect(task).toMatchObject({
      state: 'done',
      percent: 100,
      error: null,
      warnings: [],
      client: 'node1',
      object: 'web.raw',
      backupId: 1,
    });
    expect(task.bytesRead).toBeGreaterThanOrEqual(8 * mib);
    expect(task.steps.map(({ step }) => step)).toEqual([
      'preparing',
      'configuration',
      'queryingChanges',
      'copyingData',
      'finalising',
    ]);

    const [backup] = await lab.rows('backups', 'list');
    expect(backup).toMatchObject({
      id: 1,
      object: 'web.raw',
      type: 'full',
      consistency: 'crash',
      signed: true,
      sizeBytes: 64 * mib + 4096,
    });
    const restic = await Restic.at(lab.path('pool'), poolPassword);
    await restic.checkClean();
    const uuid = String(backup?.['objectUuid']);
    const source = await hashFile(`${images}/web.raw`);
    expect(await restic.dumpHash(String(backup?.['snapshotId']), `/vm/${uuid}/disks/web.raw/disk.raw`)).toBe(source);

    const target = lab.path('out', 'deep');
    expect(await lab.cli('restore', '1', '--to', target, '--wait')).toMatchObject({ code: 0, json: { taskIds: [2] } });
    expect((await lab.task(2)).result).toEqual({ path: `${target}/${uuid}` });
    expect(await hashFile(`${target}/${uuid}/disks/web.raw/disk.raw`)).toBe(source);
    expect((await readdir(`${target}/${uuid}`)).sort()).toEqual(['disks', 'manifest.json', 'manifest.sig', 'vm.json']);
  });

  it('deploys beside the original', async () => {
    expect(await lab.cli('restore', '1', '--deploy', '--wait')).toMatchObject({ code: 0 });
    expect((await lab.task(3)).result).toMatchObject({ vmName: 'web.raw-2' });
    expect(await hashFile(`${images}/web.raw-2/web.raw`)).toBe(await hashFile(`${images}/web.raw`));
    expect((await lab.rows('objects', 'list')).map((row) => row['name'])).toEqual(['web.raw', 'web.raw-2']);
  });

  it('keeps everything across a restart of the engine, the agent comes back by itself', async () => {
    expect(await lab.engine.kill('SIGTERM')).toBe(0);
    expect(await lab.fails('clients', 'list')).toMatchObject({ exit: 1, code: 'engineUnreachable' });
    await lab.startEngine();
    await lab.until('the agent', async () => (await lab.rows('clients', 'list'))[0]?.['state'] === 'online');
    expect(await lab.rows('backups', 'list')).toHaveLength(1);
    expect(await lab.cli('rules', 'run', 'nightly', '--wait')).toMatchObject({ code: 0 });
    const second = (await lab.rows('backups', 'list'))[0];
    expect(Number(second?.['storedBytes'])).toBeLessThan(100_000);
  });

  it('survives the SIGHUP by which restic looks whether a lock is alive', async () => {
    process.kill(await lab.agentPid('node1'), 'SIGHUP');
    await (await Restic.at(lab.path('pool'), poolPassword)).run(['unlock']);
    expect(await lab.cli('rules', 'run', 'nightly', '--wait')).toMatchObject({ code: 0 });
  });

  it('shows the last known VMs as stale while their client is offline, and lets a run wait for it', async () => {
    await lab.cutOff('node1');
    await lab.until('offline', async () => (await lab.rows('clients', 'list'))[0]?.['state'] === 'offline');
    expect((await lab.rows('objects', 'list', '--client', 'node1'))[0]).toMatchObject({ name: 'web.raw', stale: true });
    const id = await lab.run('nightly');
    const waiting = await lab.untilTask(id, (task) => task.waitingFor !== null);
    expect(waiting).toMatchObject({ state: 'pending', waitingFor: 'client "node1" to come online; place 1 in line' });
    await lab.bringBack('node1');
    expect((await lab.ended(id)).state).toBe('done');
  });

  it.skipIf(isSsh)('says clearly what is wrong with what was typed', async () => {
    expect(await lab.fails('rules', 'run', 'nope')).toMatchObject({ exit: 2, code: 'notFound' });
    expect(await lab.fails('rules', 'add', '--name', 'x')).toMatchObject({ exit: 2, code: 'invalidValue' });
    expect(
      await lab.fails('rules', 'add', '--name', 'x', '--platform', 'images', '--object', 'ghost', '--pool', 'Default'),
    ).toMatchObject({
      exit: 2,
      code: 'notFound',
      message: 'VM "ghost" does not exist',
    });
    expect(await lab.fails('rules', 'remove', 'nightly')).toMatchObject({ exit: 2, code: 'confirmationNeeded' });
    expect(await lab.fails('pools', 'remove', 'Default', '--yes')).toMatchObject({ exit: 2, code: 'inUse' });
    expect(await lab.fails('restore', '1', '--to', 'relative')).toMatchObject({ exit: 2, code: 'invalidValue' });
    expect(await lab.fails('restore', '1', '--to', '/tmp/../etc')).toMatchObject({ exit: 2, code: 'invalidValue' });
    expect(
      await lab.fails(
        'platforms',
        'add',
        '--client',
        '1',
        '--kind',
        'image-directory',
        '--path',
        '/nowhere',
        '--name',
        'y',
      ),
    ).toMatchObject({
      exit: 1,
      code: 'platformUnreachable',
    });
    expect(
      await lab.fails(
        'platforms',
        'add',
        '--client',
        '1',
        '--kind',
        'image-directory',
        '--path',
        images,
        '--name',
        'images',
      ),
    ).toMatchObject({
      exit: 2,
      code: 'nameTaken',
    });
    const other = lab.path('other');
    await mkdir(other);
    await writeFile(`${other}/file`, 'x');
    const password = await lab.passwordFile(poolPassword);
    const wrong = await lab.passwordFile('not the password');
    const add = (path: string, file: string) =>
      lab.fails(
        'pools',
        'add',
        '--name',
        'p2',
        '--kind',
        'local',
        '--client',
        '1',
        '--path',
        path,
        '--password-file',
        file,
      );
    expect(await add(other, password)).toMatchObject({ exit: 1, code: 'notEmpty' });
    expect(await add(lab.path('pool'), wrong)).toMatchObject({ exit: 1, code: 'wrongPassword' });
    expect(await add('relative', password)).toMatchObject({ exit: 2, code: 'invalidValue' });
    expect(
      await lab.fails('login', '--url', String(lab.engine.ready['url']), '--user', 'admin', '--password-file', wrong),
    ).toMatchObject({
      exit: 3,
      code: 'wrongCredentials',
    });
    expect(await readdir(other)).toEqual(['file']);
  });

  it('leaves no secret in its database, logs and journals', async () => {
    for (const secret of [poolPassword, adminPassword]) {
      const places = ['engine', 'node1', 'engine.log', 'node1.log'].map((place) => lab.path(place));
      expect(spawnSync('grep', ['-rlaF', secret, ...places], { encoding: 'utf8' }).stdout).toBe('');
    }
  });
});
