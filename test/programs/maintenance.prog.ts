// Check, verify, deletion, prune, locks and index rebuild through command line, engine and agent; restic is the witness.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRepository } from '../../agent/repository/repository.ts';
import { LocalStorage } from '../../agent/repository/storage/local.ts';
import type { TreeFolder } from '../../agent/repository/tree-file.ts';
import { backupTag } from '../../shared/format.ts';
import { runProgram } from '../../shared/node/run-program.ts';
import { lacking } from '../helpers/needs.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { hasRestic } from '../helpers/restic.ts';

const mib = 1024 * 1024;

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('maintenance of a repository', () => {
  let lab: Lab;
  let images: string;
  /** The first and the second point of `vm`, which has the disks a.raw and b.raw. */
  let first = 0;
  let second = 0;
  /** A point of another VM. */
  let other = 0;
  let packsBefore: string[] = [];

  const packs = async () =>
    (await readdir(lab.path('pool', 'data'), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const point = (id: number) => lab.ok('backups', 'show', String(id));
  const verified = async (id: number) => {
    const { verification, verifyErrors } = await point(id);
    return { verification, verifyErrors };
  };

  /** A doubt makes the task end with a warning, exit code 4. */
  async function verify(ids: readonly number[], code = 0): Promise<void> {
    expect(await lab.cli('backups', 'verify', ...ids.map(String), '--wait')).toMatchObject({ code });
  }

  async function backUp(rule: string): Promise<number> {
    const task = await lab.ended(await lab.run(rule));
    expect(task).toMatchObject({ error: null, state: 'done' });
    return task.backupId ?? 0;
  }

  async function restic(...args: string[]): Promise<string> {
    const password = await lab.passwordFile(poolPassword);
    const place = ['--repo', lab.path('pool'), '--password-file', password, '--no-cache'];
    return (await runProgram('restic', [...place, ...args])).stdout;
  }

  /** Sum of the sizes of everything in the repository but locks. */
  async function repositoryBytes(): Promise<number> {
    let bytes = 0;
    for (const entry of await readdir(lab.path('pool'), { recursive: true, withFileTypes: true }))
      if (entry.isFile() && !entry.parentPath.endsWith('locks'))
        bytes += (await stat(join(entry.parentPath, entry.name))).size;
    return bytes;
  }

  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    images = await lab.addImages('node1');
    await mkdir(join(images, 'vm'));
    for (const name of ['vm/a.raw', 'vm/b.raw', 'other.raw'])
      await writeRandomFile(join(images, name), 16 * mib, [{ at: 0, length: 12 * mib }]);
    await lab.addQuickPool('node1');
    await lab.addRule('vm', 'vm');
    await lab.addRule('other', 'other.raw');
    other = await backUp('other');
    first = await backUp('vm');
    packsBefore = await packs();
    await writeRandomFile(join(images, 'vm/b.raw'), 16 * mib, [{ at: 4 * mib, length: 2 * mib }]);
    second = await backUp('vm');
  });
  afterAll(() => lab.close());

  it('restoring a point that nobody has verified asks on a terminal, and warns where there is none', async () => {
    const line = [process.execPath, 'cli/main.ts', 'restore', String(first), '--to', lab.path('asked')].join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, XDG_CONFIG_HOME: lab.path('config') },
    });
    let shown = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (!shown.includes('[y/N]') && (shown + chunk.toString()).includes('[y/N]')) child.stdin.write('n\r');
      shown += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, shown }).toMatchObject({ code: 2 });
    expect(shown).toContain(`Backup ${first} has not been verified yet.`);
    expect((await lab.rows('tasks', 'list')).some(({ kind }) => kind === 'restore')).toBe(false);
    const warned = await lab.cli('restore', String(first), '--to', lab.path('warned'), '--wait');
    expect(warned).toMatchObject({ code: 0 });
    expect(warned.stderr).toContain('has not been verified yet');
  });

  it('verify makes sound points trusted', async () => {
    expect(await verified(first)).toEqual({ verification: 'notVerified', verifyErrors: [] });
    await verify([first, second, other]);
    for (const id of [first, second, other])
      expect(await verified(id)).toEqual({ verification: 'trusted', verifyErrors: [] });
  });

  it('a flipped byte makes its point suspicious and names disk and range; the others stay trusted', async () => {
    const made = (await packs()).filter((path) => !packsBefore.includes(path));
    const sizes = await Promise.all(made.map(async (path) => ({ path, size: (await stat(path)).size })));
    const { path, size } = sizes.sort((a, b) => b.size - a.size)[0] ?? { path: '', size: 0 };
    expect(size).toBeGreaterThan(mib);
    const bytes = await readFile(path);
    const broken = Buffer.from(bytes);
    broken[size >> 1] = (broken[size >> 1] ?? 0) ^ 1;
    await rm(path);
    await writeFile(path, broken);
    try {
      await verify([first, second, other], 4);
      const { verification, verifyErrors } = await verified(second);
      expect(verification).toBe('suspicious');
      expect(verifyErrors).toEqual([
        { disk: 'b.raw', kind: 'blobDamaged', offset: expect.any(Number) as number, length: 256 * 1024 },
      ]);
      const [{ offset }] = verifyErrors as [{ offset: number }];
      expect(offset % (256 * 1024)).toBe(0);
      expect(offset >= 4 * mib && offset < 6 * mib).toBe(true);
      expect((await verified(first)).verification).toBe('trusted');
      expect((await verified(other)).verification).toBe('trusted');

      expect(await lab.cli('repo', 'check', 'Default')).toMatchObject({ code: 0, json: { ok: true } });
      const checked = await lab.cli('repo', 'check', 'Default', '--read-data');
      const { uuid } = await point(second);
      expect(checked).toMatchObject({
        code: 1,
        json: {
          ok: false,
          errors: [{ kind: 'blobDamaged', pack: path.split('/').at(-1), backups: [uuid], disk: 'b.raw', offset }],
        },
      });
      await expect(restic('check', '--read-data')).rejects.toThrow();
    } finally {
      await rm(path);
      await writeFile(path, bytes);
    }
    await verify([second]);
    expect(await verified(second)).toEqual({ verification: 'trusted', verifyErrors: [] });
  });

  it('a manifest that somebody else wrote fails the signature though every hash fits', async () => {
    const { uuid: backupUuid, objectUuid } = (await point(other)) as { uuid: string; objectUuid: string };
    const repository = await openRepository(new LocalStorage(lab.path('pool')), poolPassword);
    const lock = await repository.lock();
    try {
      const snapshot = await repository.findSnapshot({ tag: backupTag(backupUuid) });
      if (snapshot === undefined) throw new Error('the point is not there');
      const opened = await repository.openSnapshot(snapshot);
      const root = `/vm/${objectUuid}`;
      const manifest = (await opened.readFile(`${root}/manifest.json`)).toString();
      const writer = repository.startSnapshot(lock, { signal: lock.signal });
      const forged = Buffer.from(manifest.replace('"type":"full"', '"type":"copy"'));
      expect(forged.toString()).not.toBe(manifest);
      const folderOf = async (path: string): Promise<TreeFolder> => {
        const entries = (await opened.listFolder(path)).map(async ({ name, type }) => {
          const below = `${path}/${name}`;
          return [name, type === 'dir' ? await folderOf(below) : await opened.fileContent(below)] as const;
        });
        return Object.fromEntries(await Promise.all(entries));
      };
      const tree = { ...(await folderOf(root)), 'manifest.json': await writer.writeFile(forged) };
      const { tags, paths, hostname, time } = snapshot;
      await writer.finish({ tree: { vm: { [objectUuid]: tree } }, tags, paths, hostname, time });
      await repository.maintenance(lock).forget([snapshot.id], { signal: lock.signal });
    } finally {
      await lock.release();
      await repository.close();
    }
    await verify([other], 4);
    expect(await verified(other)).toEqual({
      verification: 'suspicious',
      verifyErrors: [{ disk: null, offset: null, length: null, kind: 'signatureWrong' }],
    });
  });

  it('prune frees exactly what its dry run promised, and deletion asks', async () => {
    expect(await lab.fails('backups', 'delete', String(other))).toMatchObject({ exit: 2, code: 'confirmationNeeded' });
    await lab.ok('backups', 'delete', String(other), '--yes', '--wait');
    expect((await lab.rows('backups', 'list')).map(({ id }) => id)).not.toContain(other);
    const stats = await lab.ok('repo', 'stats', 'Default');
    expect(stats).toMatchObject({ snapshots: 2, storedBytes: await repositoryBytes() });
    expect(Number(stats['unusedBytes'])).toBeGreaterThan(12 * mib);

    const wanted = await lab.ok('repo', 'prune', 'Default', '--dry-run', '--max-unused', '0%');
    const before = await repositoryBytes();
    expect(await lab.fails('repo', 'prune', 'Default')).toMatchObject({ exit: 2, code: 'confirmationNeeded' });
    expect(await repositoryBytes()).toBe(before);
    expect(await lab.ok('repo', 'prune', 'Default', '--max-unused', '0%', '--yes')).toEqual(wanted);
    expect(before - (await repositoryBytes())).toBe(wanted['freedBytes']);
    expect(await lab.ok('repo', 'stats', 'Default')).toMatchObject({ unusedBytes: 0 });
    expect(await restic('check', '--read-data')).toContain('no errors were found');

    const { taskIds } = await lab.ok('restore', String(second), '--to', lab.path('out'));
    expect(await lab.ended((taskIds as number[])[0] ?? 0)).toMatchObject({ error: null });
    const { objectUuid } = await point(second);
    for (const disk of ['a.raw', 'b.raw'])
      expect(await hashFile(lab.path('out', String(objectUuid), 'disks', disk, 'disk.raw'))).toBe(
        await hashFile(join(images, 'vm', disk)),
      );
  });

  it('lists locks and removes stale ones only', async () => {
    const password = await lab.passwordFile(poolPassword);
    const dead = spawn(
      'restic',
      ['--repo', lab.path('pool'), '--password-file', password, '--no-cache', 'backup', '--stdin'],
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    const locks = () => lab.rows('repo', 'locks', 'Default');
    await lab.until('restic to lock', async () => (await locks()).length === 1);
    expect(await locks()).toMatchObject([{ pid: dead.pid, exclusive: false, stale: false }]);
    expect(await lab.rows('repo', 'locks', 'Default', '--remove-stale', '--yes')).toHaveLength(1);
    const ended = once(dead, 'exit');
    dead.kill('SIGKILL');
    await ended;
    expect(await locks()).toMatchObject([{ stale: true }]);
    expect(await lab.rows('repo', 'locks', 'Default', '--remove-stale', '--yes')).toEqual([]);
  });

  it('a backup waits for a program that has locked the repository, and begins anew', async () => {
    const repository = await openRepository(new LocalStorage(lab.path('pool')), poolPassword);
    const lock = await repository.lock({ exclusive: true });
    const id = await lab.run('vm');
    await lab.untilTask(id, ({ steps }) => steps.some(({ step }) => step === 'waitingForLock'));
    await lock.release();
    await repository.close();
    expect(await lab.ended(id)).toMatchObject({ error: null, state: 'done' });
    expect(await lab.rows('repo', 'locks', 'Default')).toEqual([]);
  });

  it('rebuilds a lost index', async () => {
    const [name = ''] = await readdir(lab.path('pool', 'index'));
    await rm(lab.path('pool', 'index', name));
    expect(await lab.cli('repo', 'check', 'Default')).toMatchObject({ code: 1 });
    const { packs: count } = await lab.ok('repo', 'rebuild-index', 'Default', '--yes');
    expect(count).toBe((await packs()).length);
    expect(await restic('check', '--read-data')).toContain('no errors were found');
    await verify([first, second]);
    expect((await verified(second)).verification).toBe('trusted');
  });
});
