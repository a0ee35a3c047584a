import { cp, readdir, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transport } from '../../shared/model/ssh.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { Restic } from '../helpers/restic.ts';
import { onTmpfs } from '../helpers/tmpfs.ts';

const mib = 1024 * 1024;
const big = 1000 * mib;

/** Nothing of a dead or cancelled job may stay: locks, journal, temporary files. */
async function expectNothingLeft(lab: Lab, pool = lab.path('pool')): Promise<void> {
  expect(await readdir(`${pool}/locks`)).toEqual([]);
  expect(await readdir(lab.path('node1', 'journal'))).toEqual([]);
  await (await Restic.at(pool, poolPassword)).checkClean();
}

/**
 * Cancel, kill -9, a full disk, what vanishes or is replaced: the same over every transport.
 * @param transport how engine and agent come together
 */
export function faultSuite(transport: Transport): void {
  describe(`faults from outside in the middle of a job, over ${transport}`, () => {
    let lab: Lab;
    let images: string;
    beforeAll(async () => {
      lab = await Lab.create(transport);
      await lab.startEngine();
      await lab.addAgent('node1');
      images = await lab.addImages('node1');
      await writeRandomFile(`${images}/big.raw`, big, [{ at: 0, length: big }]);
      await writeRandomFile(`${images}/small.raw`, 8 * mib, [{ at: 0, length: 4 * mib }]);
      await lab.addQuickPool('node1');
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
      await lab.killAgent('node1', 'SIGKILL');
      expect(await lab.untilTask(id, (task) => ['unknown', 'failed'].includes(task.state))).toMatchObject(
        transport === 'ssh' ? {} : { state: 'unknown', error: null },
      );
      await lab.startAgain('node1');
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
      await lab.killAgent('node1', 'SIGKILL');
      expect(await readdir(lab.path('partly'))).toHaveLength(1);
      await lab.startAgain('node1');
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
}
