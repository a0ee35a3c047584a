// A pool with a repository for each client, through command line, engine and two agents; restic is the witness.
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../shared/node/run-program.ts';
import { lacking } from '../helpers/needs.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile } from '../helpers/random-file.ts';
import { hasRestic } from '../helpers/restic.ts';
import { addVmOfNode, makeImageOfNode, restoreVmOfNode } from '../helpers/vm-of-node.ts';

const nodes = ['node1', 'node2'] as const;

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('a repository for each client', () => {
  let lab: Lab;
  const backups = new Map<string, number>();
  const passwords = new Map<string, string>();
  let folders: string[] = [];

  const folderOf = (node: string) => lab.path('pool', folders.find((name) => name.startsWith(node)) ?? 'none');
  const backupOf = (node: string) => String(backups.get(node));

  async function restic(node: string, password: string, ...args: string[]): Promise<string> {
    const file = await lab.passwordFile(password);
    const place = ['--repo', folderOf(node), '--password-file', file, '--no-cache', '--no-lock'];
    return (await runProgram('restic', [...place, ...args])).stdout;
  }

  async function opens(node: string, password: string): Promise<boolean> {
    return restic(node, password, 'snapshots').then(
      () => true,
      () => false,
    );
  }

  async function backUp(node: string): Promise<number> {
    const task = await lab.ended(await lab.run(node));
    expect(task).toMatchObject({ error: null, state: 'done', client: node });
    return task.backupId ?? 0;
  }

  async function addPool(...more: string[]): Promise<Record<string, unknown>> {
    const password = await lab.passwordFile(poolPassword);
    const place = ['--kind', 'local', '--path', lab.path('pool'), '--password-file', password];
    return lab.ok(
      'pools',
      'add',
      '--name',
      'Default',
      ...place,
      '--client',
      ...nodes,
      '--repository-per',
      'client',
      ...more,
    );
  }

  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    for (const node of nodes) await lab.addAgent(node);
    await addPool();
    for (const node of nodes) {
      await makeImageOfNode(lab, node);
      await addVmOfNode(lab, node);
      backups.set(node, await backUp(node));
    }
    folders = (await readdir(lab.path('pool'))).toSorted();
  });
  afterAll(() => lab.close());

  it('each backs up into a folder of its own, which only its own password opens', async () => {
    expect(folders).toEqual([
      expect.stringMatching(/^node1-[0-9a-f]{8}$/u),
      expect.stringMatching(/^node2-[0-9a-f]{8}$/u),
    ]);
    for (const node of nodes) {
      const shown = await lab.ok('repo', 'password', 'Default', '--client', node, '--yes');
      expect(shown['place']).toBe(folderOf(node));
      passwords.set(node, String(shown['password']));
    }
    const [first = '', second = ''] = nodes.map((node) => passwords.get(node));
    expect(first).not.toBe(second);
    expect(await restic('node1', first, 'snapshots', '--json')).toContain('"node1"');
    expect(await restic('node2', second, 'check', '--read-data')).toContain('no errors were found');
    expect(await opens('node1', second)).toBe(false);
    expect(await opens('node2', first)).toBe(false);
    for (const node of nodes) expect(await opens(node, poolPassword)).toBe(false);
  });

  it('openssl computes the password by hand from that of the pool', async () => {
    const hex = Buffer.from(poolPassword).toString('hex');
    const options = ['digest:SHA256', `hexkey:${hex}`, `salt:${folders[0] ?? ''}`, 'info:holdfast-repository-1'];
    const file = lab.path('derived');
    const args = [
      'kdf',
      '-keylen',
      '32',
      '-binary',
      '-out',
      file,
      ...options.flatMap((option) => ['-kdfopt', option]),
      'HKDF',
    ];
    await runProgram('openssl', args);
    const { stdout } = await runProgram('basenc', ['--base64url', '-w', '0', file]);
    expect(stdout.replaceAll('=', '')).toBe(passwords.get('node1'));
  });

  it('another client may not restore a point, its owner may', async () => {
    const refused = await lab.fails('restore', backupOf('node1'), '--to', lab.path('no'), '--client', 'node2');
    expect(refused).toMatchObject({ code: 'otherRepository' });
    expect(refused.message).toContain('only by the client whose backups it holds (node1) and the maintenance client');
    expect(await restoreVmOfNode(lab, backupOf('node1'), 'node1', 'own')).toBe(
      await hashFile(lab.path('images-node1', 'vm.raw')),
    );
  });

  it('check, prune, figures and locks go over all repositories, or over one', async () => {
    expect(await lab.ok('repo', 'check', 'Default', '--read-data')).toEqual({ ok: true, errors: [], errorCount: 0 });
    await lab.ok('repo', 'prune', 'Default', '--yes');
    const stats = await lab.ok('repo', 'stats', 'Default');
    expect(stats).toMatchObject({ repositoryId: null, snapshots: 2 });
    expect(stats['repositories']).toEqual(
      nodes.map((client) => expect.objectContaining({ client, place: folderOf(client), snapshots: 1 }) as unknown),
    );
    expect(await lab.ok('repo', 'stats', 'Default', '--client', 'node2')).toMatchObject({ snapshots: 1 });
    expect(await lab.rows('repo', 'locks', 'Default')).toEqual([]);
    const tasks = await lab.rows('tasks', 'list');
    expect(tasks.filter(({ kind }) => kind === 'check').map(({ client }) => client)).toEqual(['node2', 'node1']);
    expect(await lab.ok('backups', 'verify', backupOf('node1'), backupOf('node2'), '--wait')).toBeDefined();
  });

  it('a client that is away is named, and does not fail the others', async () => {
    await lab.cutOff('node1');
    await lab.until('node1 to be offline', async () =>
      (await lab.rows('clients', 'list')).some(({ name, state }) => name === 'node1' && state === 'offline'),
    );
    const silent = { client: 'node1', place: folderOf('node1'), error: { code: 'clientOffline' } };
    const stats = await lab.cli('repo', 'stats', 'Default');
    expect(stats).toMatchObject({ code: 4, json: { snapshots: 1, repositoryId: null, unanswered: [silent] } });
    expect(stats.stderr).toContain(`${folderOf('node1')} could not be asked: clientOffline`);
    expect(await lab.cli('repo', 'adopt', 'Default')).toMatchObject({ code: 4, json: { unanswered: [silent] } });
    const alone = await lab.fails('repo', 'stats', 'Default', '--client', 'node1');
    expect(alone).toMatchObject({ code: 'clientOffline', exit: 1 });
    await lab.bringBack('node1');
  });

  it('keys belong to one repository', async () => {
    expect(await lab.fails('repo', 'keys', 'Default', 'list')).toMatchObject({ code: 'invalidValue' });
    const file = await lab.passwordFile('one more');
    await lab.ok('repo', 'keys', 'Default', 'add', '--client', 'node1', '--new-password-file', file);
    expect([await opens('node1', 'one more'), await opens('node2', 'one more')]).toEqual([true, false]);
    expect(await lab.rows('repo', 'keys', 'Default', 'list', '--client', 'node2')).toHaveLength(1);
    const out = lab.path('sheet.txt');
    await lab.ok('repo', 'keys', 'Default', 'export', '--client', 'node2', '--out', out);
    expect(await readFile(out, 'utf8')).toContain(folderOf('node2'));
  });

  it('the maintenance client opens all, and restores the points of another', async () => {
    await lab.ok('pools', 'edit', 'Default', '--maintenance-client', 'node2');
    expect(await restoreVmOfNode(lab, backupOf('node1'), 'node2', 'foreign')).toBe(
      await hashFile(lab.path('images-node1', 'vm.raw')),
    );
    await lab.ok('repo', 'check', 'Default');
    const checks = (await lab.rows('tasks', 'list')).filter(({ kind }) => kind === 'check').slice(0, 2);
    expect(checks.map(({ client }) => client)).toEqual(['node2', 'node2']);
  });

  it('a client that joins gets a repository of its own', async () => {
    await lab.addAgent('node3');
    const edited = await lab.ok('pools', 'edit', 'Default', '--client', ...nodes, 'node3');
    expect((edited['repositories'] as Array<{ client: string }>).map(({ client }) => client)).toEqual([
      ...nodes,
      'node3',
    ]);
    expect((await readdir(lab.path('pool'))).length).toBe(3);
    await lab.ok('pools', 'edit', 'Default', '--client', ...nodes);
    await lab.killAgent('node3', 'SIGTERM');
  });

  it('a changed password is that of one repository', async () => {
    const change = async (password: string) =>
      lab.ok(
        'repo',
        'keys',
        'Default',
        'change',
        '--client',
        'node1',
        '--new-password-file',
        await lab.passwordFile(password),
      );
    await change('its own');
    expect([await opens('node1', 'its own'), await opens('node1', passwords.get('node1') ?? '')]).toEqual([
      true,
      false,
    ]);
    await backUp('node1');
    await backUp('node2');
    await change(passwords.get('node1') ?? '');
    expect(await opens('node1', passwords.get('node1') ?? '')).toBe(true);
  });

  it('the pool moves with all of its repositories, and only by its own password', async () => {
    const wrong = await lab.passwordFile('not the password');
    expect(await lab.fails('pools', 'edit', 'Default', '--password-file', wrong)).toMatchObject({
      code: 'wrongPassword',
    });
    await rename(lab.path('pool'), lab.path('moved'));
    expect(await lab.fails('pools', 'edit', 'Default', '--path', lab.path('elsewhere'))).toMatchObject({
      code: 'poolNotReachable',
    });
    const right = await lab.passwordFile(poolPassword);
    const edited = await lab.ok('pools', 'edit', 'Default', '--path', lab.path('moved'), '--password-file', right);
    expect(edited['repositories']).toContainEqual(
      expect.objectContaining({ client: 'node1', place: lab.path('moved', folders[0] ?? '') }),
    );
    await backUp('node2');
    const checks = await lab.rows('pools', 'test', 'Default');
    const opened = checks.filter(({ check }) => String(check).endsWith(': open'));
    // The maintenance client opens them all, also that of a client that left.
    expect(opened.map(({ check, ok }) => [check, ok])).toEqual(
      ['node2', 'node1', 'node2', 'node2'].map((client) => [`${client}: open`, true]),
    );
    await rename(lab.path('moved'), lab.path('pool'));
    await lab.ok('pools', 'edit', 'Default', '--path', lab.path('pool'));
  });

  it('an engine that lost its database finds the repositories again and takes their points over', async () => {
    const before = await lab.rows('backups', 'list');
    const uuidOf = new Map(before.map(({ id, uuid }) => [id, uuid]));
    for (const node of nodes) await lab.killAgent(node, 'SIGTERM');
    await lab.engine.kill('SIGTERM');
    await rm(lab.path('engine'), { recursive: true });
    await lab.startEngine();
    for (const node of nodes) await lab.addAgent(node);
    expect(await addPool()).toMatchObject({ adopted: before.length, backupCount: before.length });
    const rows = await lab.rows('backups', 'list');
    expect(new Set(rows.map(({ uuid }) => uuid))).toEqual(new Set(before.map(({ uuid }) => uuid)));
    for (const node of nodes) {
      const found = rows.find(({ uuid }) => uuid === uuidOf.get(backups.get(node)));
      backups.set(node, Number(found?.['id']));
    }
    const refused = await lab.fails('restore', backupOf('node2'), '--to', lab.path('no2'), '--client', 'node1');
    expect(refused.message).toContain('(node2)');
    expect(await restoreVmOfNode(lab, backupOf('node2'), 'node2', 'again')).toBe(
      await hashFile(lab.path('images-node2', 'vm.raw')),
    );
    for (const node of nodes) await addVmOfNode(lab, node);
    await backUp('node1');
    expect(await opens('node1', passwords.get('node1') ?? '')).toBe(true);
  });
});
