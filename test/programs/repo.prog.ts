// `agent repo …` on repositories without engine and agent: the way back when the manager is gone.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openRepository } from '../../agent/repository/repository.ts';
import { LocalStorage } from '../../agent/repository/storage/local.ts';
import { S3Storage } from '../../agent/repository/storage/s3.ts';
import { fileTypes } from '../../agent/repository/storage/storage.ts';
import { haveQemu } from '../agent/disks/images.ts';
import { lacking } from '../helpers/needs.ts';
import { type CliResult, Lab, poolPassword, startProgram } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { hasRestic, Restic } from '../helpers/restic.ts';
import { S3Peer } from '../helpers/s3-peer/s3-peer.ts';
import { missingSshd, TestSshd } from '../helpers/sshd.ts';

const mib = 1024 * 1024;
const diskIds = ['a.raw', 'b.raw'] as const;
const rowsSchema = z.array(z.record(z.string(), z.unknown()));

let lab: Lab;
let pool: string;
let images: string;
let password: string;
/** UUIDs of the backup and of its VM. */
let backup: string;
let vm: string;

beforeAll(async () => {
  lab = await Lab.create();
  await lab.startEngine();
  await lab.addAgent('node1');
  images = await lab.addImages('node1');
  await mkdir(join(images, 'web'));
  await writeRandomFile(join(images, 'web', 'a.raw'), 400 * mib, [{ at: 8 * mib, length: 128 * mib }]);
  await writeRandomFile(join(images, 'web', 'b.raw'), 64 * mib, [{ at: 4096, length: 8 * mib }]);
  pool = lab.path('pool');
  await lab.addQuickPool('node1');
  await lab.addRule('web', 'web');
  expect(await lab.cli('rules', 'run', 'web', '--wait')).toMatchObject({ code: 0 });
  const [row] = await lab.rows('backups', 'list');
  [backup, vm] = [String(row?.['uuid']), String(row?.['objectUuid'])];
  await lab.agent('node1').kill('SIGTERM');
  await lab.engine.kill('SIGTERM');
  password = await lab.passwordFile(poolPassword);
});
afterAll(() => lab.close());

const local = () => ['--repo', pool, '--password-file', password];
const repo = (command: readonly string[], place: readonly string[] = local()): Promise<CliResult> =>
  lab.program('agent/main.ts', ['repo', ...command, ...place, '--json']);

async function ok(command: readonly string[], place?: readonly string[]): Promise<Record<string, unknown>> {
  const { code, json, stderr } = await repo(command, place);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stderr}`);
  return z.record(z.string(), z.unknown()).parse(json);
}

const rows = async (command: readonly string[], place?: readonly string[]) =>
  rowsSchema.parse((await repo(command, place)).json);
const locks = () => readdir(join(pool, 'locks'));

/** The restored disks are those of the VM. */
async function expectDisks(to: string, ids: readonly string[] = diskIds): Promise<void> {
  const folder = join(to, vm, 'disks');
  expect((await readdir(folder)).toSorted()).toEqual(ids);
  for (const id of ids) {
    expect(await hashFile(join(folder, id, 'disk.raw'))).toBe(await hashFile(join(images, 'web', id)));
  }
}

describe('a repository of the product', () => {
  it('is listed with what can be restored', async () => {
    expect(await rows(['list'])).toEqual([
      expect.objectContaining({
        backupUuid: backup,
        objectUuid: vm,
        vm: 'web',
        type: 'full',
        sizeBytes: 464 * mib,
        disks: diskIds.map((id) => ({ id, sizeBytes: (id === 'a.raw' ? 400 : 64) * mib })),
        problem: null,
      }),
    ]);
    expect(await rows(['list', '--vm', 'other'])).toEqual([]);
    expect(await locks()).toEqual([]);
  });

  it('is restored whole, by UUID, sparse and without leftovers', async () => {
    const to = lab.path('whole');
    const { stderr, ...done } = await repo(['restore', '--backup', backup, '--to', to]);
    expect(done).toMatchObject({ code: 0, json: { path: join(to, vm), backupUuid: backup, vm: 'web', signed: true } });
    expect(stderr).toContain('Restoring web of ');
    await expectDisks(to);
    expect((await stat(join(to, vm, 'disks', 'a.raw', 'disk.raw'))).blocks * 512).toBeLessThan(150 * mib);
    expect((await readdir(join(to, vm))).toSorted()).toEqual(['disks', 'manifest.json', 'manifest.sig', 'vm.json']);
    const configuration = z
      .object({ name: z.string() })
      .parse(JSON.parse(await readFile(join(to, vm, 'vm.json'), 'utf8')));
    expect(configuration.name).toBe('web');
    expect(await locks()).toEqual([]);
    const again = await repo(['restore', '--backup', backup, '--to', to]);
    expect(again).toMatchObject({ code: 1, json: { error: { code: 'notEmpty' } } });
    await expectDisks(to);
    await rm(to, { recursive: true });
  });

  it('gives single disks by the beginning of a snapshot id', async () => {
    const id = String((await rows(['list']))[0]?.['snapshotId']).slice(0, 8);
    await ok(['restore', '--backup', id, '--disk', 'b.raw', '--to', lab.path('one')]);
    await expectDisks(lab.path('one'), ['b.raw']);
    const wrong = await repo(['restore', '--backup', id, '--disk', 'c', '--to', lab.path('none')]);
    expect(wrong).toMatchObject({ code: 2, json: { error: { code: 'notFound', hint: 'It has: a.raw, b.raw.' } } });
    expect(existsSync(lab.path('none'))).toBe(false);
  });

  it.skipIf(lacking(haveQemu() ? undefined : 'qemu-utils are not installed'))('writes qcow2', async () => {
    await ok(['restore', '--backup', backup, '--disk', 'b.raw', '--format', 'qcow2', '--to', lab.path('q')]);
    const image = join(lab.path('q'), vm, 'disks', 'b.raw', 'disk.qcow2');
    execFileSync('qemu-img', ['compare', '-q', '-f', 'raw', '-F', 'qcow2', join(images, 'web', 'b.raw'), image]);
    execFileSync('qemu-img', ['check', '-q', image]);
  });

  it('answers what is asked wrongly with the way on', async () => {
    await mkdir(lab.path('above'));
    await symlink(pool, lab.path('above', 'pool'));
    const hints: Array<[string[], string[], RegExp]> = [
      [['list'], ['--repo', lab.path('above'), '--password-file', password], /there is one at .*pool/u],
      [['list'], ['--repo', lab.path('nowhere'), '--password-file', password], /mounted/u],
      [['list'], ['--repo', pool, '--password-file', await lab.passwordFile('not it')], /set as follows: .* by .*@/u],
      [['list'], ['--repo', pool], /--password-file FILE/u],
      [['list'], ['--repo', 'sftp:me@host:/srv', '--password-file', password], /sftp:\/\/USER/u],
      [['list'], ['--repo', 'sftp://me@host//srv', '--password-file', password], /ssh-keygen/u],
      [['list'], ['--repo', 'rest:https://me:secret@host/', '--password-file', password], /--secret-file/u],
      [['restore', '--backup', 'web', '--to', '/x'], local(), new RegExp(`newest backup of web is ${backup}`, 'u')],
      [['restore', '--backup', 'abcdef01', '--to', '/x'], local(), /repo list/u],
      [
        ['restore', '--backup', backup, '--path', '/vm/x', '--to', lab.path('no')],
        local(),
        new RegExp(`holds: ${vm}`, 'u'),
      ],
    ];
    for (const [command, place, hint] of hints) {
      const { code, json } = await repo(command, place);
      expect(code).toBeGreaterThan(0);
      expect(json).toMatchObject({ error: { hint: expect.stringMatching(hint) as unknown } });
      expect(JSON.stringify(json)).not.toContain(poolPassword);
    }
  });

  it('asks for the password at a terminal and does not show it', async () => {
    const line = [process.execPath, 'agent/main.ts', 'repo', 'keys', 'list', '--json', '--repo', pool].join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let shown = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (!shown.includes('Password of') && (shown + chunk.toString()).includes('Password of'))
        child.stdin.write(`wrong\u007f\u007f\u007f\u007f\u007f${poolPassword}\r`);
      shown += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, shown }).toMatchObject({ code: 0 });
    expect(shown).toContain('"current"');
    expect(shown).not.toContain(poolPassword);
  });

  it('is read past a lock, and stale locks go', async () => {
    const holder = await openRepository(new LocalStorage(pool), poolPassword);
    const lock = await holder.lock({ exclusive: true, withoutIndex: true });
    const locked = await repo(['stats']);
    expect(locked).toMatchObject({ code: 1, json: { error: { code: 'repositoryLocked' } } });
    expect(locked.stderr).toContain('--no-lock');
    expect(await ok(['stats', '--no-lock'])).toMatchObject({ snapshots: 1 });
    await ok(['restore', '--backup', backup, '--disk', 'b.raw', '--no-lock', '--to', lab.path('unlocked')]);
    await expectDisks(lab.path('unlocked'), ['b.raw']);
    expect(await rows(['locks', '--remove-stale', '--yes'])).toMatchObject([{ exclusive: true, stale: false }]);
    await lock.release();
    await holder.close();
  });

  it('Ctrl-C takes back what was begun; after kill -9 the lock is stale', async () => {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const to = lab.path(signal);
      const args = ['agent/main.ts', 'repo', 'restore', '--backup', backup, '--to', to, ...local()];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      const closed = once(child, 'close');
      await lab.until('the first bytes', async () => (await written(join(to, vm, 'disks', 'a.raw', 'disk.raw'))) > mib);
      child.kill(signal);
      expect(await closed).toEqual(signal === 'SIGINT' ? [1, null] : [null, 'SIGKILL']);
      expect(existsSync(to)).toBe(signal === 'SIGKILL');
      expect((await locks()).length).toBe(signal === 'SIGKILL' ? 1 : 0);
    }
    expect((await readdir(join(lab.path('SIGKILL'), vm))).some((name) => name.startsWith('.holdfast-restore-'))).toBe(
      true,
    );
    expect(await rows(['locks'])).toMatchObject([{ stale: true, pid: expect.any(Number) as number }]);
    expect(await rows(['locks', '--remove-stale', '--yes'])).toEqual([]);
  });

  it('has passwords that are added, removed and exported', async () => {
    const other = await lab.passwordFile('another password');
    const { id } = await ok(['keys', 'add', '--new-password-file', other]);
    const place = ['--repo', pool, '--password-file', other];
    expect(await rows(['keys', 'list'], place)).toMatchObject([{ current: false }, { id, current: true }]);
    const { keyId } = await ok(['keys', 'export', '--out', lab.path('key')], place);
    expect(keyId).toBe(id);
    const current = await repo(['keys', 'remove', String(id), '--yes'], place);
    expect(current).toMatchObject({ code: 2, json: { error: { code: 'inUse' } } });
    await ok(['keys', 'remove', String(id).slice(0, 10), '--yes']);
    expect(await repo(['list'], place)).toMatchObject({ code: 1, json: { error: { code: 'wrongPassword' } } });
    // The exported key brings its password back.
    await copyFile(lab.path('key'), join(pool, 'keys', String(id)));
    expect(await rows(['keys', 'list'], place)).toHaveLength(2);
    await ok(['keys', 'remove', String(id), '--yes']);
  });

  it('says what a damaged pack hits, and gives the rest', async () => {
    expect(await ok(['check', '--read-data'])).toMatchObject({ ok: true });
    expect(await ok(['check', '--backup', backup])).toMatchObject({ ok: true });
    expect(await ok(['prune', '--dry-run'])).toMatchObject({ freedBytes: 0 });
    expect(await repo(['prune'])).toMatchObject({ code: 2, json: { error: { code: 'confirmationNeeded' } } });
    const copy = lab.path('damaged');
    execFileSync('cp', ['-r', pool, copy]);
    const place = ['--repo', copy, '--password-file', password];
    const files = await readdir(join(copy, 'data'), { recursive: true, withFileTypes: true });
    const packs = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const sizes = await Promise.all(packs.map(async (path) => ({ path, size: (await stat(path)).size })));
    const largest = sizes.toSorted((a, b) => b.size - a.size)[0]?.path ?? '';
    const bytes = await readFile(largest);
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    await rm(largest);
    await writeFile(largest, bytes);
    const found = await repo(['check', '--read-data'], place);
    expect(found).toMatchObject({ code: 1, json: { ok: false } });
    expect(found.stderr).toMatch(/hits web of .*disks\/a\.raw/u);
    expect(await repo(['check', '--backup', backup], place)).toMatchObject({ code: 1, json: { ok: false } });
    const failed = await repo(['restore', '--backup', backup, '--to', lab.path('whole')], place);
    expect(failed).toMatchObject({ code: 1, json: { error: { code: 'repositoryDamaged' } } });
    expect(existsSync(lab.path('whole'))).toBe(false);
    await ok(['restore', '--backup', backup, '--disk', 'b.raw', '--to', lab.path('rest')], place);
    await expectDisks(lab.path('rest'), ['b.raw']);
    // A broken index does not hide what there is.
    const index = join(copy, 'index');
    for (const name of await readdir(index)) await writeFile(join(index, name), 'no index');
    const listed = await repo(['list'], place);
    expect(listed).toMatchObject({ code: 0, json: [{ backupUuid: backup, vm: 'web', sizeBytes: null }] });
    expect(listed.stderr).toContain('rebuild-index');
    expect(await ok(['rebuild-index', '--yes'], place)).toMatchObject({ damagedPacks: [] });
    expect(await rows(['list'], place)).toMatchObject([{ sizeBytes: 464 * mib }]);
  });

  it.skipIf(lacking(missingSshd))('is reached over SFTP', async () => {
    const server = await TestSshd.start();
    const url = `sftp://${server.user}@127.0.0.1:${server.port}/${pool}`;
    const place = ['--repo', url, '--key-file', server.path('id'), '--password-file', password, '--host-key'];
    const right = [...place, await server.fingerprint()];
    expect(await rows(['list'], right)).toMatchObject([{ backupUuid: backup }]);
    await ok(['restore', '--backup', backup, '--disk', 'b.raw', '--to', lab.path('remote')], right);
    await expectDisks(lab.path('remote'), ['b.raw']);
    expect(await ok(['check'], right)).toMatchObject({ ok: true });
    const wrong = await repo(['list'], [...place, `SHA256:${'A'.repeat(43)}`]);
    expect(wrong).toMatchObject({ code: 1, json: { error: { code: 'storageDenied' } } });
    expect(await locks()).toEqual([]);
  });
});

describe('a repository on servers', () => {
  it('is reached over REST, with user and pinned certificate', async () => {
    const user = await lab.passwordFile('rest password');
    const line = execFileSync(process.execPath, ['agent/main.ts', 'serve-repo-user', 'me', '--password-file', user]);
    await writeFile(lab.path('users'), line);
    const folders = ['--data', lab.path('node1'), '--path', lab.folder, '--users-file', lab.path('users')];
    const server = await startProgram(
      'agent/main.ts',
      ['serve-repo', ...folders, '--listen', '127.0.0.1:0', '--append-only'],
      lab.path('serve.log'),
    );
    try {
      const [url, pin] = [String(server.ready['url']), String(server.ready['fingerprint'])];
      const place = ['--repo', `rest:${url}pool`, '--password-file', password, '--user', 'me', '--secret-file'];
      expect(await rows(['list'], [...place, user, '--fingerprint', pin])).toMatchObject([{ backupUuid: backup }]);
      const wrong = await repo(['list'], [...place, password, '--fingerprint', pin]);
      expect(wrong).toMatchObject({ code: 1, json: { error: { code: 'storageDenied' } } });
    } finally {
      await server.kill('SIGTERM');
    }
  });

  it('is reached over S3', async () => {
    const peer = await S3Peer.start();
    const { accessKey, secretKey } = peer.login;
    const url = `${peer.url}/bucket/copy`;
    const [from, to] = [new LocalStorage(pool), new S3Storage({ url, accessKey, secretKey, region: 'us-east-1' })];
    await to.prepare();
    for (const type of fileTypes)
      for await (const { name } of from.list(type)) await to.write(type, name, [await from.read(type, name)]);
    await to.writeConfig((await from.readConfig()) ?? Buffer.of());
    await to.close();
    const secretFile = await lab.passwordFile(secretKey);
    const place = ['--repo', `s3:${url}`, '--access-key', accessKey, '--secret-file', secretFile];
    const right = [...place, '--password-file', password];
    expect(await ok(['check', '--backup', backup], right)).toMatchObject({ ok: true });
    await ok(['restore', '--backup', backup, '--disk', 'b.raw', '--to', lab.path('s3')], right);
    await expectDisks(lab.path('s3'), ['b.raw']);
  });
});

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('a repository of restic', () => {
  it('is listed as such, and restored by snapshot id and path', async () => {
    const restic = await Restic.at(lab.path('foreign'), poolPassword);
    await restic.init();
    const source = lab.path('source');
    await mkdir(join(source, 'deep'), { recursive: true });
    await writeRandomFile(join(source, 'deep', 'file'), 40 * mib, [{ at: 20 * mib, length: 3 * mib }]);
    await writeFile(join(source, 'empty'), '');
    await writeFile(join(source, 'small'), 'small');
    execFileSync('ln', ['-s', 'small', join(source, 'link')]);
    await restic.run(['backup', source]);
    const place = ['--repo', restic.path, '--password-file', password];
    const [row] = await rows(['list'], place);
    expect(row).toMatchObject({ backupUuid: null, vm: null, problem: 'not a Holdfast point', paths: [source] });
    const id = String(row?.['snapshotId']);
    const asVm = await repo(['restore', '--backup', id, '--to', lab.path('f')], place);
    expect(asVm).toMatchObject({ code: 2, json: { error: { hint: expect.stringContaining('--path') as unknown } } });

    const whole = await ok(['restore', '--backup', id, '--path', '/', '--to', lab.path('f')], place);
    expect(whole).toMatchObject({ files: 3, skipped: 1 });
    const top = join(lab.path('f'), source);
    expect((await readdir(top)).toSorted()).toEqual(['deep', 'empty', 'small']);
    expect(await hashFile(join(top, 'deep', 'file'))).toBe(await hashFile(join(source, 'deep', 'file')));
    expect((await stat(join(top, 'deep', 'file'))).blocks * 512).toBeLessThan(8 * mib);

    const file = ['restore', '--backup', id.slice(0, 8), '--path', join(source, 'small'), '--to', lab.path('g')];
    await ok(file, place);
    expect(await readFile(join(lab.path('g'), 'small'), 'utf8')).toBe('small');
    expect(await repo(file, place)).toMatchObject({ code: 1, json: { error: { code: 'notEmpty' } } });
  });
});

/** Bytes that a file really takes; 0 when it is not there. */
async function written(path: string): Promise<number> {
  return stat(path).then(
    ({ blocks }) => blocks * 512,
    () => 0,
  );
}
