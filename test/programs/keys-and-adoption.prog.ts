// Passwords of a repository, the paper key, a pool that moves, and points that come back after the engine's loss.
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../shared/node/run-program.ts';
import { lacking } from '../helpers/needs.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { hasRestic } from '../helpers/restic.ts';

const mib = 1024 * 1024;
const newPassword = 'another password';
const secondPassword = 'a second password';

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('keys and adoption', () => {
  let lab: Lab;
  let image: string;
  let backupId = 0;

  async function opens(password: string, repository = lab.path('pool')): Promise<boolean> {
    const file = await lab.passwordFile(password);
    const args = ['--repo', repository, '--password-file', file, '--no-cache', '--no-lock', 'snapshots'];
    return runProgram('restic', args).then(
      () => true,
      () => false,
    );
  }

  async function backUp(): Promise<number> {
    const task = await lab.ended(await lab.run('nightly'));
    expect(task).toMatchObject({ error: null, state: 'done' });
    return task.backupId ?? 0;
  }

  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    image = `${await lab.addImages('node1')}/vm.raw`;
    await writeRandomFile(image, 16 * mib, [{ at: 0, length: 8 * mib }]);
    await lab.addPool('node1');
    await lab.addRule('nightly', 'vm.raw');
    backupId = await backUp();
  });
  afterAll(() => lab.close());

  it('a second password opens the repository until it is removed; the one in use is not removed', async () => {
    const file = await lab.passwordFile(secondPassword);
    const { id } = await lab.ok('repo', 'keys', 'Default', 'add', '--new-password-file', file);
    expect(await opens(secondPassword)).toBe(true);
    const keys = await lab.rows('repo', 'keys', 'Default', 'list');
    expect(keys.map((key) => key['current'])).toEqual(expect.arrayContaining([true, false]));
    expect(keys.map((key) => key['id'])).toContain(id);

    const current = String(keys.find((key) => key['current'] === true)?.['id']);
    expect(await lab.fails('repo', 'keys', 'Default', 'remove', current, '--yes')).toMatchObject({ code: 'inUse' });
    expect(await lab.fails('repo', 'keys', 'Default', 'remove', 'ffffffffffff', '--yes')).toMatchObject({
      code: 'notFound',
    });
    await lab.ok('repo', 'keys', 'Default', 'remove', String(id), '--yes');
    expect(await opens(secondPassword)).toBe(false);
    expect(await opens(poolPassword)).toBe(true);
  });

  it('a changed password is the only one that opens it, and the pool goes on', async () => {
    const file = await lab.passwordFile(newPassword);
    expect(await lab.ok('repo', 'keys', 'Default', 'change', '--new-password-file', file)).toMatchObject({
      problem: null,
    });
    expect(await opens(poolPassword)).toBe(false);
    expect(await opens(newPassword)).toBe(true);
    await backUp();
  });

  it('the paper key restores a repository that lost all its keys', async () => {
    const out = lab.path('key.txt');
    const { keyId } = await lab.ok('repo', 'keys', 'Default', 'export', '--out', out);
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect(await lab.fails('repo', 'keys', 'Default', 'export', '--out', out)).toMatchObject({ code: 'invalidValue' });
    const sheet = await readFile(out, 'utf8');
    expect(sheet).not.toContain(newPassword);
    const json = /^\s*(\{.*?\})\s*$/msu.exec(sheet)?.[1]?.replaceAll('\n', '') ?? '';
    const copy = lab.path('copy');
    await cp(lab.path('pool'), copy, { recursive: true });
    await rm(`${copy}/keys/${String(keyId)}`);
    expect(await opens(newPassword, copy)).toBe(false);
    await writeFile(`${copy}/keys/${String(keyId)}`, json);
    expect(await opens(newPassword, copy)).toBe(true);

    const page = lab.path('key.html');
    await lab.ok('repo', 'keys', 'Default', 'export', '--out', page);
    expect(await readFile(page, 'utf8')).toMatch(/<svg/u);
  });

  it('a pool moves to where its repository lies now, and to no other', async () => {
    await cp(lab.path('pool'), lab.path('moved'), { recursive: true });
    await rm(lab.path('pool'), { recursive: true });
    const refused = await lab.fails('pools', 'edit', 'Default', '--path', lab.path('elsewhere'));
    expect(refused).toMatchObject({ code: 'poolNotReachable' });
    expect(refused.message).toContain('elsewhere');
    expect(await lab.ok('pools', 'edit', 'Default', '--path', lab.path('moved'), '--name', 'Vault')).toMatchObject({
      name: 'Vault',
      path: lab.path('moved'),
    });
    await lab.ok('pools', 'edit', 'Vault', '--maintenance-client', 'node1');
    const { taskIds } = await lab.ok('restore', String(backupId), '--to', lab.path('out'));
    expect(await lab.ended((taskIds as number[])[0] ?? 0)).toMatchObject({ error: null });
    const wrong = await lab.passwordFile('not the password');
    expect(await lab.fails('pools', 'edit', 'Vault', '--password-file', wrong)).toMatchObject({
      code: 'wrongPassword',
    });
  });

  it('an engine that lost its database takes the points over, and only once', async () => {
    const before = await lab.ok('backups', 'show', String(backupId));
    const lost = await Lab.create();
    try {
      await lost.startEngine();
      await lost.addAgent('node2');
      const file = await lost.passwordFile(newPassword);
      const place = ['--kind', 'local', '--client', 'node2', '--path', lab.path('moved'), '--password-file', file];
      expect(await lost.ok('pools', 'add', '--name', 'Found', ...place)).toMatchObject({ adopted: 2, backupCount: 2 });
      expect(await lost.ok('repo', 'adopt', 'Found')).toEqual({ adopted: 0, known: 2, damaged: 0, unanswered: [] });

      const [point] = (await lost.rows('backups', 'list')).filter((row) => row['uuid'] === before['uuid']);
      const after = await lost.ok('backups', 'show', String(point?.['id']));
      for (const key of ['object', 'objectUuid', 'type', 'createdAt', 'sizeBytes', 'consistency'])
        expect([key, after[key]]).toEqual([key, before[key]]);
      // The snapshot does not count its own few hundred bytes, as restic's does not.
      expect(Math.abs(Number(after['storedBytes']) - Number(before['storedBytes']))).toBeLessThan(2048);
      const { taskIds } = await lost.ok('restore', String(point?.['id']), '--to', lost.path('out'));
      expect(await lost.ended((taskIds as number[])[0] ?? 0)).toMatchObject({ error: null });
      const restored = lost.path('out', String(after['objectUuid']), 'disks', 'vm.raw', 'disk.raw');
      expect(await hashFile(restored)).toBe(await hashFile(image));
    } finally {
      await lost.close();
    }
  });
});
