// How rules and pools say what is read and how it is written, through engine, agent and command line.
import { open } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import type { DiffPage } from '../../shared/model/diff.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { Restic } from '../helpers/restic.ts';

const mib = 1024 * 1024;
const cell = 256 * 1024;

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

describe('types of backup, ways of writing', () => {
  let lab: Lab;
  let image: string;

  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    image = `${await lab.addImages('node1')}/vm.raw`;
    await writeRandomFile(image, 40 * mib, [{ at: 0, length: 24 * mib }]);
    await lab.addQuickPool('node1');
    const what = ['--platform', 'images', '--object', 'vm.raw', '--pool', 'Default'];
    await lab.ok('rules', 'add', '--name', 'vm', ...what, '--type', 'incremental');
    await lab.ok('rules', 'add', '--name', 'strict', ...what, '--require-consistency');
  });
  afterAll(() => lab.close());

  const checkPool = async () => (await Restic.at(lab.path('pool'), poolPassword)).checkClean();

  async function backUp(...options: string[]): Promise<TaskView> {
    const { code, json, stderr } = await lab.cli('rules', 'run', 'vm', ...options, '--wait');
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    return lab.task((json as { taskIds: number[] }).taskIds[0] ?? 0);
  }

  it('a file in a folder has no record of changes: it is read whole, said with its cost, and only new data is stored', async () => {
    expect((await backUp()).disks).toMatchObject([{ mode: 'full', reason: 'platformWithoutChanges' }]);
    await overwrite(image, 8 * mib, Buffer.alloc(cell, 'new'));
    const { stderr } = await lab.cli('rules', 'run', 'vm', '--wait');
    expect(stderr).toContain('disk vm.raw was read whole: This platform does not track changes.');
    expect(stderr).toMatch(/read 24\.\d MiB, stored \d+ (KiB|B)|stored [\d.]+ KiB/u);
    const [newest] = await lab.rows('backups', 'list');
    expect(newest).toMatchObject({ type: 'full', refId: null });
    await checkPool();
  });

  it('tells in which cells two points differ', async () => {
    const before = await backUp();
    await overwrite(image, 4 * mib + 5000, Buffer.from('one'));
    await overwrite(image, 12 * mib, Buffer.alloc(2 * cell, 'two'));
    await overwrite(image, 30 * mib, Buffer.alloc(10, 'was a hole'));
    const after = await backUp();
    const diff = async (a: TaskView, b: TaskView) =>
      (await lab.cli('backups', 'diff', String(a.backupId), String(b.backupId))).json as DiffPage;
    const expected = [
      {
        id: 'vm.raw',
        changedBytes: 4 * cell,
        extents: [
          { offset: 4 * mib, length: cell },
          { offset: 12 * mib, length: 2 * cell },
          { offset: 30 * mib, length: cell },
        ],
      },
    ];
    expect(await diff(before, after)).toEqual({ disks: expected });
    expect(await diff(after, before)).toEqual({ disks: expected });
  });

  it('a pool changes how it writes; what was stored before is read as before', async () => {
    const point = await backUp();
    await lab.ok('pools', 'edit', 'Default', '--compression', 'off', '--cell', '1MiB', '--verify-writes', 'all');
    expect((await lab.rows('pools', 'list'))[0]).toMatchObject({
      write: { compression: 'off', cellBytes: mib, verifyWrites: 'all', maxBytesPerSecond: null },
    });
    const coarse = await backUp();
    expect(coarse.bytesStored).toBeGreaterThan(20 * mib);
    expect((await backUp()).bytesStored).toBeLessThan(mib);
    await checkPool();
    const restic = await Restic.at(lab.path('pool'), poolPassword);
    for (const task of [point, coarse]) {
      const backup = await lab.ok('backups', 'show', String(task.backupId));
      const path = `/vm/${String(backup['objectUuid'])}/disks/vm.raw/disk.raw`;
      expect(await restic.dumpHash(String(backup['snapshotId']), path)).toBe(await hashFile(image));
    }
  });

  it('a limit slows the reading down, and a slow run can be cancelled at once', async () => {
    await lab.ok('pools', 'edit', 'Default', '--max-rate', '8MiB');
    const task = await backUp();
    expect((task.endedAt ?? 0) - (task.startedAt ?? 0)).toBeGreaterThan(1500);
    const id = await lab.run('vm');
    await lab.untilStep('node1', 'copyingData');
    await lab.ok('tasks', 'cancel', String(id));
    expect(await lab.ended(id, 5)).toMatchObject({ state: 'cancelled' });
    await lab.ok('pools', 'edit', 'Default', '--max-rate', 'off');
  });

  it('a rule that requires consistency fails where no guest can be frozen, and makes no point', async () => {
    const before = (await lab.rows('backups', 'list')).length;
    const { code, json } = await lab.cli('rules', 'run', 'strict', '--wait');
    expect(code).toBe(1);
    const task = await lab.task((json as { taskIds: number[] }).taskIds[0] ?? 0);
    expect(task.error).toMatchObject({ code: 'consistencyNotReached' });
    expect((await lab.rows('backups', 'list')).length).toBe(before);
    await checkPool();
  });

  it.each([
    [['pools', 'edit', 'Default', '--cell', '3MiB'], '--cell'],
    [['pools', 'edit', 'Default', '--max-rate', 'fast'], '--max-rate'],
    [['pools', 'edit', 'Default', '--compression', '9'], '--compression'],
    [['rules', 'run', 'vm', '--type', 'weekly'], '--type'],
    [['rules', 'run', 'vm', '--object', 'other.raw'], 'other.raw'],
    [['objects', 'thaw', 'vm.raw'], 'no guest'],
    [['backups', 'diff', '1', '4711'], '4711'],
  ])('%s is refused with a reason', async (args, named) => {
    const { exit, message } = await lab.fails(...args);
    expect(exit).toBe(2);
    expect(message).toContain(named);
  });
});
