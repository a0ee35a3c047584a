import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { Restic } from '../helpers/restic.ts';
import { onTmpfs } from '../helpers/tmpfs.ts';

const mib = 1024 * 1024;
const big = 1200 * mib;

/** Nothing of a dead or cancelled job may stay: locks, journal, temporary files. */
async function expectNothingLeft(lab: Lab, pool = lab.path('pool')): Promise<void> {
  expect(await readdir(`${pool}/locks`)).toEqual([]);
  expect(await readdir(lab.path('node1', 'journal'))).toEqual([]);
  await (await Restic.at(pool, poolPassword)).checkClean();
}

describe('faults from outside in the middle of a job', () => {
  let lab: Lab;
  let images: string;
  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    images = await lab.addImages('node1');
    await writeRandomFile(`${images}/big.raw`, big, [{ at: 0, length: big }]);
    await writeRandomFile(`${images}/small.raw`, 8 * mib, [{ at: 0, length: 4 * mib }]);
    await lab.addPool('node1');
    await lab.addRule('big', 'big.raw');
    await lab.addRule('small', 'small.raw');
  });
  afterAll(() => lab.close());

  const copying = (id: number) => lab.untilTask(id, (task) => task.bytesRead > 30 * mib);

  it('cancel: the task is cancelled once everything is gone', async () => {
    const id = await lab.run('big');
    await copying(id);
    await lab.ok('tasks', 'cancel', String(id));
    const task = await lab.ended(id);
    expect(task).toMatchObject({ state: 'cancelled', backupId: null });
    await expectNothingLeft(lab);
  });

  it('kill -9 of the engine: the agent finishes, the restarted engine shows Done', async () => {
    const id = await lab.run('big');
    await copying(id);
    await lab.engine.kill('SIGKILL');
    await lab.startEngine();
    const task = await lab.ended(id);
    expect(task).toMatchObject({ state: 'done', error: null });
    expect(await lab.ok('backups', 'show', String(task.backupId))).toMatchObject({
      object: 'big.raw',
      state: 'available',
    });
    await expectNothingLeft(lab);
  });

  it('kill -9 of the agent: failed with the reason once it is back, nothing left, the next backup succeeds', async () => {
    // The repository knows everything already, so the agent is stopped while it reads, not while it stores.
    await writeRandomFile(`${images}/big.raw`, big, [{ at: 0, length: big }]);
    const id = await lab.run('big');
    await copying(id);
    await lab.agent('node1').kill('SIGKILL');
    expect(await lab.untilTask(id, (task) => task.state === 'unknown')).toMatchObject({ error: null });
    await lab.startAgent('node1');
    const task = await lab.ended(id);
    expect(task.state).toBe('failed');
    expect(task.error).toMatchObject({ code: 'agentStopped' });
    await expectNothingLeft(lab);
    expect(await lab.cli('rules', 'run', 'small', '--wait')).toMatchObject({ code: 0 });
  });

  it('a second run of the same VM is skipped, not failed', async () => {
    const first = await lab.run('big');
    await copying(first);
    const { code, json } = await lab.cli('rules', 'run', 'big', '--wait');
    expect(code).toBe(4);
    const second = await lab.task((json as { taskIds: number[] }).taskIds[0] ?? 0);
    expect(second).toMatchObject({ state: 'skipped', error: null });
    await lab.ok('tasks', 'cancel', String(first));
    await lab.ended(first);
  });

  it('cancel of a restore removes what it wrote', async () => {
    const done = (await lab.rows('backups', 'list')).find((row) => row['object'] === 'big.raw');
    const { json } = await lab.cli('restore', String(done?.['id']), '--to', lab.path('partly'));
    const id = (json as { taskIds: number[] }).taskIds[0] ?? 0;
    await lab.untilTask(id, (task) => task.bytesDone > 10 * mib);
    await lab.ok('tasks', 'cancel', String(id));
    expect((await lab.ended(id)).state).toBe('cancelled');
    expect(await readdir(lab.folder)).not.toContain('partly');
    await expectNothingLeft(lab);
  });

  it('kill -9 of the agent in a restore removes what it wrote at the next start', async () => {
    const done = (await lab.rows('backups', 'list')).find((row) => row['object'] === 'big.raw');
    const { json } = await lab.cli('restore', String(done?.['id']), '--to', lab.path('partly'));
    const id = (json as { taskIds: number[] }).taskIds[0] ?? 0;
    await lab.untilTask(id, (task) => task.bytesDone > 10 * mib);
    await lab.agent('node1').kill('SIGKILL');
    expect(await readdir(lab.path('partly'))).toHaveLength(1);
    await lab.startAgent('node1');
    expect((await lab.ended(id)).error).toMatchObject({ code: 'agentStopped' });
    expect(await readdir(lab.path('partly'))).toEqual([]);
    await expectNothingLeft(lab);
  });

  it('a restore refuses a folder that is not empty and says what is in it', async () => {
    const { code, json } = await lab.cli('restore', '1', '--to', images, '--wait');
    expect(code).toBe(1);
    const task = await lab.task((json as { taskIds: number[] }).taskIds[0] ?? 0);
    expect(task.error).toMatchObject({ code: 'notEmpty' });
    expect((await readdir(images)).sort()).toEqual(['big.raw', 'small.raw']);
  });

  it('a full disk fails the task, the repository stays readable', async (context) => {
    await onTmpfs(context, '300m', async (path) => {
      const password = await lab.passwordFile(poolPassword);
      await lab.ok(
        'pools',
        'add',
        '--name',
        'tiny',
        '--kind',
        'local',
        '--client',
        'node1',
        '--path',
        `${path}/r`,
        '--password-file',
        password,
      );
      await lab.ok('rules', 'add', '--name', 'full', '--platform', 'images', '--object', 'big.raw', '--pool', 'tiny');
      const task = await lab.ended(await lab.run('full'));
      expect(task.state).toBe('failed');
      expect(task.error).toMatchObject({ code: 'storageFull' });
      await lab.ok('rules', 'remove', 'full', '--yes');
      expect(await readdir(`${path}/r/locks`)).toEqual([]);
      await (await Restic.at(`${path}/r`, poolPassword)).checkClean();
      await lab.ok('pools', 'remove', 'tiny', '--yes');
    });
  });

  it('a vanished image, a replaced repository and a lost one each have their own code', async () => {
    await lab.addRule('gone', 'small.raw');
    await rm(`${images}/small.raw`);
    expect((await lab.ended(await lab.run('gone'))).error).toMatchObject({ code: 'objectVanished' });
    await writeRandomFile(`${images}/small.raw`, 8 * mib, [{ at: 0, length: 4 * mib }]);

    const pool = lab.path('pool');
    await cp(pool, `${pool}.away`, { recursive: true });
    await rm(pool, { recursive: true });
    expect((await lab.ended(await lab.run('small'))).error).toMatchObject({ code: 'poolNotReachable' });
    await (await Restic.at(pool, poolPassword)).init();
    expect((await lab.ended(await lab.run('small'))).error).toMatchObject({ code: 'notSameRepository' });
    await rm(pool, { recursive: true });
    await cp(`${pool}.away`, pool, { recursive: true });
    await rm(`${pool}.away`, { recursive: true });
    expect((await lab.ended(await lab.run('small'))).state).toBe('done');
  });

  it('a snapshot removed behind our back is backupMissing, and the backup is marked', async () => {
    const [newest] = await lab.rows('backups', 'list');
    await (await Restic.at(lab.path('pool'), poolPassword)).run(['forget', String(newest?.['snapshotId'])]);
    const { json } = await lab.cli('restore', String(newest?.['id']), '--to', lab.path('none'), '--wait');
    const task = await lab.task((json as { taskIds: number[] }).taskIds[0] ?? 0);
    expect(task.error).toMatchObject({ code: 'backupMissing' });
    expect(await lab.ok('backups', 'show', String(newest?.['id']))).toMatchObject({ state: 'missing' });
  });

  it('a retagged snapshot is found by its backup tag', async () => {
    expect(await lab.cli('rules', 'run', 'small', '--wait')).toMatchObject({ code: 0 });
    const [newest] = await lab.rows('backups', 'list');
    await (await Restic.at(lab.path('pool'), poolPassword)).run([
      'tag',
      '--add',
      'kept',
      String(newest?.['snapshotId']),
    ]);
    expect(await lab.cli('restore', String(newest?.['id']), '--to', lab.path('retagged'), '--wait')).toMatchObject({
      code: 0,
    });
    const uuid = String(newest?.['objectUuid']);
    expect(await hashFile(lab.path('retagged', uuid, 'disks', 'small.raw', 'disk.raw'))).toBe(
      await hashFile(`${images}/small.raw`),
    );
  });
});

describe('who may be a client', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
  });
  afterAll(() => lab.close());

  it('refuses a copy of an agent folder while the first one is connected', async () => {
    await cp(lab.path('node1'), lab.path('copy'), { recursive: true, filter: (path) => !path.endsWith('agent.sock') });
    const copy = await lab.startAgent('copy', 'copy');
    await lab.until('the refusal', async () => (await lab.agentLog('copy')).includes('duplicateHwid'));
    const [client] = await lab.rows('clients', 'list');
    expect(client).toMatchObject({ state: 'online' });
    expect(String(client?.['lastError'])).toContain('connected already');
    expect(await copy.kill('SIGTERM')).toBe(0);
  });

  it('refuses a second agent on the same folder', async () => {
    const { code, json } = await lab.program('agent/main.ts', ['run', '--data', lab.path('node1')]);
    expect({ code, json }).toMatchObject({ code: 1, json: { error: { code: 'alreadyRunning' } } });
  });

  it('refuses the right HWID with another certificate', async () => {
    await cp(lab.path('node1'), lab.path('forged'), {
      recursive: true,
      filter: (path) => !path.endsWith('agent.sock'),
    });
    await rm(lab.path('forged', 'tls.key'));
    await rm(lab.path('forged', 'tls.crt'));
    const forged = await lab.startAgent('forged', 'forged');
    await lab.until('the refusal', async () => (await lab.agentLog('forged')).includes('certificateMismatch'));
    await forged.kill('SIGTERM');
  });

  it('an agent refuses a manager with another certificate than the pinned one', async () => {
    await lab.initAgent('wary', `SHA256:${'A'.repeat(43)}`);
    await lab.startAgent('wary');
    await lab.until('the refusal', async () => (await lab.agentLog('wary')).includes('certificateMismatch'));
    expect(await lab.rows('clients', 'list')).toHaveLength(1);
  });

  it('a removed client that dials again is told so, and authorize brings it back', async () => {
    expect(await lab.ok('clients', 'remove', 'node1', '--yes')).toMatchObject({ state: 'removed' });
    await lab.until('the refusal', async () => (await lab.agentLog('node1')).includes('clientRemoved'));
    expect(await lab.fails('objects', 'list', '--client', 'node1')).toMatchObject({ exit: 3, code: 'clientRemoved' });
    expect(await lab.ok('clients', 'authorize', 'node1')).toMatchObject({ state: 'online' });
  });

  it('survives garbage on its agent port', async () => {
    const port = Number(new URL(String(lab.engine.ready['agentUrl'])).port);
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
        socket.end('\0garbage\r\n\r\n'),
      );
      socket.on('close', () => resolve());
      // Hanging up hard is a fair answer.
      socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve() : reject(error)));
      socket.resume();
    });
    expect((await lab.rows('clients', 'list'))[0]).toMatchObject({ state: 'online' });
  });
});

describe('memory', () => {
  it('stays under 300 MiB for a 20 GiB sparse disk with 2 GiB of data', async () => {
    const lab = await Lab.create();
    try {
      await lab.startEngine();
      await lab.addAgent('node1');
      const images = await lab.addImages('node1');
      const gib = 1024 * mib;
      await writeRandomFile(`${images}/sparse.raw`, 20 * gib, [
        { at: gib, length: gib },
        { at: 15 * gib, length: gib },
      ]);
      await lab.addPool('node1');
      await lab.addRule('sparse', 'sparse.raw');
      expect(await lab.ended(await lab.run('sparse'))).toMatchObject({ state: 'done' });
      const status = await import('node:fs/promises').then(({ readFile }) =>
        readFile(`/proc/${lab.agent('node1').pid}/status`, 'utf8'),
      );
      const peakMib = Number(/VmHWM:\s+(\d+)/u.exec(status)?.[1]) / 1024;
      console.log(`peak memory of the agent: ${peakMib.toFixed(0)} MiB`);
      await writeFile(lab.path('peak'), String(peakMib));
      expect(peakMib).toBeLessThan(300);
    } finally {
      await lab.close();
    }
  });
});
