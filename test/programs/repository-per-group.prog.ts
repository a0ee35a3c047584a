// A pool with a repository for each client group, through command line, engine and three agents; restic is the witness.
import { readdir, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../shared/node/run-program.ts';
import { lacking } from '../helpers/needs.ts';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile } from '../helpers/random-file.ts';
import { hasRestic } from '../helpers/restic.ts';
import { addVmOfNode, makeImageOfNode, restoreVmOfNode } from '../helpers/vm-of-node.ts';

const nodes = ['node1', 'node2', 'stranger'] as const;
const uuid = '1a2b3c4d-0000-4000-8000-00000000abcd';

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))(
  'a repository for each client group',
  () => {
    let lab: Lab;
    const backups = new Map<string, number>();
    let passwordFile = '';

    const backupOf = (node: string) => String(backups.get(node));
    const imageHash = (node: string) => hashFile(lab.path(`images-${node}`, 'vm.raw'));

    async function folderOf(owner: string): Promise<string> {
      const names = await readdir(lab.path('pool'));
      return lab.path('pool', names.find((name) => name.startsWith(`${owner}-`)) ?? 'none');
    }

    async function restic(owner: string, flag: '--group' | '--client', ...args: string[]): Promise<string> {
      const { password } = await lab.ok('repo', 'password', 'Default', flag, owner, '--yes');
      const file = await lab.passwordFile(String(password));
      const place = ['--repo', await folderOf(owner), '--password-file', file, '--no-cache', '--no-lock'];
      return (await runProgram('restic', [...place, ...args])).stdout;
    }

    const countOf = (snapshots: string) => (JSON.parse(snapshots) as unknown[]).length;

    async function backUp(node: string): Promise<number> {
      const task = await lab.ended(await lab.run(node));
      expect(task).toMatchObject({ error: null, state: 'done', client: node });
      return task.backupId ?? 0;
    }

    async function addPool(...clients: string[]): Promise<Record<string, unknown>> {
      const place = ['--kind', 'local', '--path', lab.path('pool'), '--password-file', passwordFile];
      const per = ['--client', ...clients, '--repository-per', 'group'];
      return lab.ok('pools', 'add', '--name', 'Default', ...place, ...per);
    }

    beforeAll(async () => {
      lab = await Lab.create();
      passwordFile = await lab.passwordFile(poolPassword);
      await lab.startEngine();
      for (const node of nodes) await lab.addAgent(node);
      await lab.ok('groups', 'add', '--name', 'web', '--description', 'front ends', '--uuid', uuid);
      for (const node of ['node1', 'node2'])
        expect(await lab.ok('clients', 'edit', node, '--group', 'web')).toMatchObject({ group: 'web' });
      await addPool(...nodes);
    });
    afterAll(() => lab.close());

    it('the points of a group lie in one repository, those of a client without group in its own', async () => {
      for (const node of nodes) {
        await makeImageOfNode(lab, node);
        await addVmOfNode(lab, node);
        backups.set(node, await backUp(node));
      }
      const folders = (await readdir(lab.path('pool'))).toSorted();
      expect(folders).toEqual([expect.stringMatching(/^stranger-[0-9a-f]{8}$/u), 'web-1a2b3c4d']);
      expect(countOf(await restic('web', '--group', 'snapshots', '--json'))).toBe(2);
      expect(countOf(await restic('stranger', '--client', 'snapshots', '--json'))).toBe(1);
      expect(await restic('web', '--group', 'check', '--read-data')).toContain('no errors were found');
      const asked = await lab.fails('repo', 'password', 'Default', '--client', 'node1', '--yes');
      expect(asked).toMatchObject({ code: 'notFound' });
      expect(asked.hint).toContain('name the group "web"');
      const stats = await lab.ok('repo', 'stats', 'Default', '--group', 'web');
      expect(stats['repositories']).toEqual([expect.objectContaining({ client: null, group: 'web', snapshots: 2 })]);
    });

    it('a member restores the point of another, a stranger does not', async () => {
      expect(await restoreVmOfNode(lab, backupOf('node1'), 'node2', 'by-node2')).toBe(await imageHash('node1'));
      const refused = await lab.fails('restore', backupOf('node1'), '--to', lab.path('no'), '--client', 'stranger');
      expect(refused).toMatchObject({ code: 'otherRepository' });
      expect(refused.message).toContain('the client group whose backups it holds (node1, node2)');
      const other = await lab.fails('restore', backupOf('stranger'), '--to', lab.path('no'), '--client', 'node1');
      expect(other).toMatchObject({ code: 'otherRepository' });
    });

    it('a client that changes groups backs up there, and no longer where it was', async () => {
      await lab.ok('groups', 'add', '--name', 'Базы');
      const moved = await lab.ok('clients', 'edit', 'node1', '--group', 'Базы');
      expect(moved).toMatchObject({ group: 'Базы' });
      // Made at the move, before any backup.
      expect((await readdir(lab.path('pool'))).filter((name) => name.startsWith('group-'))).toHaveLength(1);
      await backUp('node1');
      expect(countOf(await restic('web', '--group', 'snapshots', '--json'))).toBe(2);
      expect(await lab.ok('repo', 'stats', 'Default', '--group', 'Базы')).toMatchObject({ snapshots: 1 });
      const refused = await lab.fails('restore', backupOf('node1'), '--to', lab.path('no'), '--client', 'node1');
      expect(refused.message).toContain('holds (node2)');
      await lab.ok('clients', 'edit', 'node1', '--group', 'web');
      expect(await restoreVmOfNode(lab, backupOf('node2'), 'node1', 'by-node1')).toBe(await imageHash('node2'));
    });

    it('a group with clients or repositories is not removed, nor is "No group"', async () => {
      const held = await lab.fails('groups', 'remove', 'web', '--yes');
      expect(held).toMatchObject({ code: 'inUse', exit: 2 });
      expect(held.message).toContain('"node1", "node2"');
      const stored = await lab.fails('groups', 'remove', 'Базы', '--yes');
      expect(stored.message).toContain('repository in these pools: "Default"');
      expect(await lab.fails('groups', 'remove', '1', '--yes')).toMatchObject({ code: 'invalidValue' });
      await lab.ok('groups', 'add', '--name', 'empty');
      await lab.ok('groups', 'remove', 'empty', '--yes');
      const names = (await lab.rows('groups', 'list')).map(({ name }) => name);
      expect(names).toEqual(['No group', 'web', 'Базы']);
    });

    it('an engine that lost its database finds the repository of a group by its name and UUID', async () => {
      for (const node of nodes) await lab.killAgent(node, 'SIGTERM');
      await lab.engine.kill('SIGTERM');
      await rm(lab.path('engine'), { recursive: true });
      await lab.startEngine();
      await lab.addAgent('node2');
      await lab.ok('groups', 'add', '--name', 'web', '--uuid', uuid);
      await lab.ok('clients', 'edit', 'node2', '--group', 'web');
      // Those of both members.
      expect(await addPool('node2')).toMatchObject({ adopted: 2 });
    });
  },
);
