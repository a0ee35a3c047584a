import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processStat } from '../../../agent/disks/process-id.ts';
import { releaseLeftover } from '../../../agent/platforms/leftovers.ts';
import { makeFile } from '../../../agent/platforms/made-file.ts';
import type { ResourceKind } from '../../../agent/platforms/platform.ts';
import { makeJobFolder } from '../../../agent/platforms/roots.ts';
import { TestScope } from './job-scope.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hf-left-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('processes', () => {
  it('are ended when they are the very ones', async () => {
    const child = spawn('sleep', ['100']);
    const exit = once(child, 'exit');
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    const startTime = (await processStat(pid))?.startTime ?? '';
    const release = (more: object) =>
      releaseLeftover({ kind: 'process', name: JSON.stringify({ pid, startTime, program: 'sleep', ...more }) });
    expect(await release({ startTime: '1' })).toBe(true);
    expect(await release({ program: 'qemu-nbd' })).toBe(true);
    expect(child.exitCode).toBeNull();
    expect((await processStat(pid))?.state).toBe('S');
    expect(await release({})).toBe(true);
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(await release({})).toBe(true);
  });
});

describe('folders', () => {
  it('are removed below the known roots only', async () => {
    const roots = {
      run: join(folder, 'run', 'x'),
      scratch: join(folder, 'scratch', 'x'),
      frozen: join(folder, 'frozen'),
    };
    const scope = new TestScope();
    const made = await makeJobFolder(roots.run, scope);
    await writeFile(join(made, '0.sock'), '');
    const [entry] = scope.open;
    if (entry === undefined) throw new Error('nothing journalled');
    expect(await releaseLeftover(entry)).toBe(false);
    expect(await releaseLeftover(entry, roots)).toBe(true);
    expect(await readdir(roots.run)).toEqual([]);
    for (const name of [
      '/',
      '/etc',
      folder,
      `${roots.run}/../../x/${scope.jobUuid}`,
      `${roots.run}/not-a-job`,
      `/run/holdfast/${scope.jobUuid}`,
      `/run/holdfast/../../etc/${scope.jobUuid}`,
    ]) {
      expect(await releaseLeftover({ kind: 'folder', name }, roots)).toBe(false);
    }
  });

  it('of restores are removed only with their mark', async () => {
    const path = join(folder, 'vm');
    await mkdir(path);
    const marker = `.holdfast-restore-${new TestScope().jobUuid}`;
    const entry = { kind: 'folder', name: JSON.stringify({ path, marker }) } as const;
    expect(await releaseLeftover(entry)).toBe(false);
    await writeFile(join(path, marker), '');
    expect(await releaseLeftover(entry)).toBe(true);
    expect(await releaseLeftover(entry)).toBe(true);
    await expect(
      releaseLeftover({ kind: 'folder', name: JSON.stringify({ path, marker: '../x' }) }),
    ).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('files', () => {
  it('are removed when they are the very ones', async () => {
    const path = join(folder, 'disk.raw');
    const scope = new TestScope();
    const made = await makeFile(path, scope);
    expect(scope.open).toEqual([made]);
    await writeFile(path, 'content');
    expect(await releaseLeftover(made)).toBe(true);
    expect(await releaseLeftover(made)).toBe(true);
    await writeFile(path, 'someone else');
    await writeFile(join(folder, 'keeps the inode busy'), '');
    expect(await releaseLeftover({ kind: 'file', name: JSON.stringify({ path, inode: '1:1' }) })).toBe(false);
    expect(await releaseLeftover({ kind: 'file', name: JSON.stringify({ path }) })).toBe(false);
    expect(await readdir(folder)).toContain('disk.raw');
  });

  it('are never overwritten', async () => {
    const path = join(folder, 'there.raw');
    await writeFile(path, 'precious');
    const scope = new TestScope();
    await expect(makeFile(path, scope)).rejects.toMatchObject({ code: 'storageFailed' });
    for (const entry of scope.open) expect(await releaseLeftover(entry)).toBe(false);
  });
});

describe('entries that cannot be understood', () => {
  it.each(['process', 'file', 'libvirtJob', 'libvirtDomain'] satisfies ResourceKind[])(
    'of kind %s are an error, not a guess',
    async (kind) => {
      for (const name of ['', '{}', '{"pid":-1}', '[]', '{"path":"relative"}']) {
        await expect(releaseLeftover({ kind, name })).rejects.toThrow();
      }
    },
  );

  it('of the repository are not for platforms', async () => {
    expect(await releaseLeftover({ kind: 'repositoryLock', name: 'x' })).toBe(false);
  });
});
