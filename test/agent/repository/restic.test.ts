import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zeroBlobId } from '../../../agent/repository/blob-id.ts';
import { listLocks } from '../../../agent/repository/lock-file.ts';
import { readMasterKey } from '../../../agent/repository/key-file.ts';
import { SealingKey } from '../../../agent/repository/cipher.ts';
import { openRepository, type Repository } from '../../../agent/repository/repository.ts';
import { LocalStorage } from '../../../agent/repository/storage/local.ts';
import { BufferSink, BufferSource, sha256, testBytes } from '../../helpers/byte-sources.ts';
import {
  backUp,
  diskPath,
  existingRepository,
  newRepository,
  storeDisk,
  underLock,
  vmTree,
  vmUuid,
} from '../../helpers/repositories.ts';
import { resticPassword } from '../../helpers/repository-settings.ts';
import { hasRestic, Restic } from '../../helpers/restic.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { onTmpfs } from '../../helpers/tmpfs.ts';
import { lacking } from '../../helpers/needs.ts';

const MiB = 1024 * 1024;
const { signal } = new AbortController();

// `restic unlock` asks whether we live by SIGHUP, as it will ask the agent.
const ignore = () => undefined;
beforeAll(() => void process.on('SIGHUP', ignore));
afterAll(() => void process.off('SIGHUP', ignore));

function store(repository: Repository, disks: Record<string, Buffer>, tags?: string[]) {
  return backUp(
    repository,
    async (writer) => {
      const vm = await writer.writeFile(Buffer.from('{"format":1}\n'));
      const written = Object.entries(disks).map(
        async ([id, bytes]) => [id, await storeDisk(writer, new BufferSource(bytes))] as const,
      );
      return { vm, disks: Object.fromEntries(await Promise.all(written)) };
    },
    ({ vm, disks: stored }) =>
      vmTree(Object.fromEntries(Object.entries(stored).map(([id, disk]) => [id, disk.content])), { 'vm.json': vm }),
    tags,
  );
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))(
  'what public restic says of our repository',
  () => {
    it('checks, lists, dumps and restores disks with data and zeros', async () => {
      const restic = await Restic.at();
      const repository = await newRepository(new LocalStorage(restic.path));
      const vda = Buffer.concat([testBytes(3 * MiB, 1), Buffer.alloc(40 * MiB), testBytes(5 * MiB + 4096, 2)]);
      const vdb = Buffer.concat([testBytes(2 * MiB, 1), Buffer.alloc(17 * MiB + 3)]);
      const { finished, result } = await store(repository, { vda, vdb }, ['holdfast', 'backup=1']);
      await restic.checkClean();
      expect(await restic.dumpHash(finished.snapshotId, diskPath())).toBe(sha256(vda));
      const target = await restic.restore(finished.snapshotId);
      expect(sha256(await readFile(join(target, diskPath())))).toBe(sha256(vda));
      expect(sha256(await readFile(join(target, diskPath('vdb'))))).toBe(sha256(vdb));
      expect((await readFile(join(target, 'vm', vmUuid, 'vm.json'))).toString()).toBe('{"format":1}\n');
      const listed = JSON.parse((await restic.run(['snapshots', '--json'])).stdout) as unknown;
      const tags = ['holdfast', 'backup=1'];
      expect(listed).toMatchObject([
        { id: finished.snapshotId, hostname: 'host-a', tags, time: '2026-11-21T10:30:00.5Z' },
      ]);
      expect(result.disks['vda']).toMatchObject({ sizeBytes: vda.length, zeroBytes: 40 * MiB, bytesRead: vda.length });
      const tree = (await restic.run(['ls', '--json', finished.snapshotId])).stdout;
      expect(tree).toContain(`"path":"${diskPath()}"`);
    });

    it('accepts disks of every odd size, of zeros only and of nothing', async () => {
      const restic = await Restic.at();
      const repository = await newRepository(new LocalStorage(restic.path));
      const disks = {
        empty: Buffer.alloc(0),
        byte: Buffer.from('x'),
        zero: Buffer.alloc(33 * MiB + 512),
        small: Buffer.alloc(300_000),
        odd: Buffer.concat([Buffer.alloc(600_000), testBytes(700_001, 3)]),
      };
      const { finished, result } = await store(repository, disks);
      await restic.checkClean();
      for (const [id, bytes] of Object.entries(disks)) {
        expect(await restic.dumpHash(finished.snapshotId, diskPath(id))).toBe(sha256(bytes));
      }
      // The switch of `restore --sparse`, which this restic may be too old for.
      const ids = [...(result.disks['zero']?.content.entries() ?? [])].map((entry) => entry.id.toString('hex'));
      expect(ids[0]).toBe(zeroBlobId(512 * 1024).toString('hex'));
      if ((await restic.run(['restore', '--help'])).stdout.includes('--sparse')) {
        const target = await temporaryFolder();
        await restic.run(['restore', finished.snapshotId, '--target', target, '--sparse']);
        expect(sha256(await readFile(join(target, diskPath('zero'))))).toBe(sha256(disks.zero));
      }
    });

    it('forgets, prunes and tags, and we find our snapshot again', async () => {
      const restic = await Restic.at();
      const storage = new LocalStorage(restic.path);
      const repository = await newRepository(storage);
      const first = await store(repository, { vda: testBytes(24 * MiB, 1) }, ['backup=1']);
      const second = await store(repository, { vda: Buffer.concat([testBytes(2 * MiB, 1), testBytes(2 * MiB, 7)]) }, [
        'backup=2',
      ]);
      await restic.run(['forget', '--prune', '--max-unused', '0', first.finished.snapshotId]);
      await restic.run(['tag', '--add', 'hold', second.finished.snapshotId]);
      await restic.checkClean();
      const query = { hintId: second.finished.snapshotId, tag: 'backup=2' };
      const found = await repository.findSnapshot(query);
      expect(found).toMatchObject({ original: second.finished.snapshotId, tags: ['backup=2', 'hold'] });
      expect(await repository.findSnapshot({ ...query, tag: 'backup=1' })).toBeUndefined();
      // The same open repository must notice that the index was replaced, and store again what was pruned.
      const third = await store(repository, { vda: testBytes(24 * MiB, 1) }, ['backup=3']);
      expect(third.result.disks['vda']?.newBlobs).toBe(88);
      await restic.checkClean();
      expect(await restic.dumpHash(third.finished.snapshotId, diskPath())).toBe(sha256(testBytes(24 * MiB, 1)));
      const tags = (await repository.listSnapshots()).map((snapshot) => snapshot.tags[0]);
      expect(new Set(tags)).toEqual(new Set(['backup=2', 'backup=3']));
    });

    it('stores nothing twice', async () => {
      const restic = await Restic.at();
      const repository = await newRepository(new LocalStorage(restic.path));
      const disk = Buffer.concat([testBytes(9 * MiB, 1), Buffer.alloc(20 * MiB)]);
      await store(repository, { vda: disk });
      const blobs = async () => (await restic.run(['list', 'blobs'])).stdout.trim().split('\n').length;
      const before = await blobs();
      const again = await store(repository, { vda: disk });
      expect(again.finished.bytesStored).toBeLessThan(1000);
      expect(await blobs()).toBe(before);
      await restic.checkClean();
    });
  },
);

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('a backup of very many small blobs', () => {
  it('is indexed in several files while it goes on, and nothing is lost between them', async () => {
    const restic = await Restic.at();
    const storage = new LocalStorage(restic.path);
    const repository = await newRepository(storage);
    const disk = testBytes(60_000 * 512 + 100, 1);
    const { result, finished } = await backUp(
      repository,
      (writer) => storeDisk(writer, new BufferSource(disk), { cellBytes: 512 }),
      (written) => vmTree({ vda: written.content }),
    );
    expect(result.blobs).toBe(60_001);
    expect((await readdir(join(restic.path, 'index'))).length).toBe(2);
    await restic.checkClean();
    const reader = await existingRepository(storage);
    const sink = new BufferSink(disk.length);
    await underLock(reader, async () => {
      const snapshot = await reader.openSnapshot(finished.snapshotId);
      await snapshot.restoreFile(diskPath(), sink, { signal });
    });
    expect(sha256(sink.bytes)).toBe(sha256(disk));
    const again = await store(reader, { vda: Buffer.alloc(5) });
    expect(again.result.disks['vda']?.newBlobs).toBe(1);
  });
});

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))(
  'what we read of restic’s repository',
  () => {
    it('opens it, restores its snapshots, and adds our own beside them', async () => {
      const restic = await Restic.at();
      await restic.init();
      const source = join(await temporaryFolder(), 'source');
      await mkdir(join(source, 'sub'), { recursive: true });
      const disk = Buffer.concat([testBytes(12 * MiB, 1), Buffer.alloc(9 * MiB), testBytes(3 * MiB + 77, 2)]);
      await writeFile(join(source, 'disk.img'), disk);
      await writeFile(join(source, 'sub', 'notes & <b>.txt'), 'hello');
      await restic.run(['backup', '--tag', 'foreign', source]);

      const storage = new LocalStorage(restic.path);
      const repository = await existingRepository(storage);
      expect(repository.id).toBe((JSON.parse((await restic.run(['cat', 'config'])).stdout) as { id: string }).id);
      const snapshots = await repository.listSnapshots();
      expect(snapshots).toMatchObject([{ tags: ['foreign'], paths: [source] }]);
      await underLock(repository, async () => {
        const snapshot = await repository.openSnapshot(snapshots[0]?.id ?? '');
        const sink = new BufferSink(disk.length);
        const progress = await snapshot.restoreFile(join(source, 'disk.img'), sink, { signal });
        expect(sha256(sink.bytes)).toBe(sha256(disk));
        expect(progress.bytesDone).toBe(progress.bytesTotal);
        expect(progress.bytesTotal).toBeLessThan(disk.length);
        const names = await snapshot.listFolder(join(source, 'sub'));
        expect(names).toEqual([{ name: 'notes & <b>.txt', type: 'file', sizeBytes: 5 }]);
        expect((await snapshot.readFile(join(source, 'sub', 'notes & <b>.txt'))).toString()).toBe('hello');
      });

      await store(repository, { vda: testBytes(MiB, 4) });
      await restic.run(['backup', '--tag', 'again', source]);
      await restic.checkClean();
      expect((await repository.listSnapshots()).length).toBe(3);
    });

    it('opens it with a second password, and not with a wrong one', async () => {
      const restic = await Restic.at();
      await restic.init();
      const second = join(await temporaryFolder(), 'second');
      await writeFile(second, 'another one', { mode: 0o600 });
      await restic.run(['key', 'add', '--new-password-file', second]);
      const storage = new LocalStorage(restic.path);
      await (await openRepository(storage, 'another one')).close();
      await expect(openRepository(storage, 'guess')).rejects.toMatchObject({ code: 'wrongPassword' });
    });

    it('refuses format version 1 with the way out', async () => {
      const restic = await Restic.at();
      await restic.run(['init', '--repository-version', '1']);
      const opened = openRepository(new LocalStorage(restic.path), resticPassword);
      await expect(opened).rejects.toMatchObject({
        code: 'incompatible',
        hint: expect.stringContaining('migrate') as string,
      });
    });
  },
);

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('locks between restic and us', () => {
  it('restic’s exclusive lock keeps us out and is named', async () => {
    const restic = await Restic.at();
    const storage = new LocalStorage(restic.path);
    const repository = await newRepository(storage);
    await store(repository, { vda: testBytes(40 * MiB, 1) });
    const passwordFile = join(await temporaryFolder(), 'password');
    await writeFile(passwordFile, resticPassword, { mode: 0o600 });
    const args = ['--repo', restic.path, '--password-file', passwordFile, '--no-cache', 'check', '--read-data'];
    const child = spawn('restic', args, { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    try {
      // Stopped as soon as its lock is there, restic holds it as long as the test needs.
      const key = new SealingKey(await readMasterKey(storage, resticPassword));
      while (!(await listLocks(storage, key)).some((lock) => lock.holder?.exclusive === true)) {
        if (child.exitCode !== null) expect.fail('restic ended before its lock was seen');
      }
      child.kill('SIGSTOP');
      const message = new RegExp(`exclusively locked by process ${child.pid} on `, 'u');
      await expect(repository.lock()).rejects.toMatchObject({ code: 'repositoryLocked', message });
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    const refused = { code: 'repositoryLocked', hint: expect.stringContaining('stale') as string };
    await expect(repository.lock()).rejects.toMatchObject(refused);
    await restic.run(['unlock']);
    await (await repository.lock()).release();
  });

  it('our lock lets restic back up, keeps check and prune out, and survives restic unlock', async () => {
    const restic = await Restic.at();
    const repository = await newRepository(new LocalStorage(restic.path));
    const source = await temporaryFolder();
    await writeFile(join(source, 'file'), 'content');
    const lock = await repository.lock();
    await restic.run(['backup', source]);
    await expect(restic.run(['check'])).rejects.toThrow(/already locked/u);
    await restic.run(['unlock']);
    await expect(restic.run(['prune'])).rejects.toThrow(/already locked/u);
    await lock.release();
    await restic.checkClean();
  });
});

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('a writer that ends badly', () => {
  it.each([1, 30, 90])('killed after %d batches leaves a repository that restic accepts', async (batches) => {
    const restic = await Restic.at();
    const program = new URL('../../helpers/killed-writer.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [program, restic.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.stdin.end(resticPassword);
    let lines = 0;
    for await (const chunk of child.stdout) {
      lines += String(chunk).split('\n').length - 1;
      if (lines >= batches) child.kill('SIGKILL');
    }
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
    expect((await readdir(join(restic.path, 'locks'))).length).toBeGreaterThan(0);
    await restic.removeLocks();
    await restic.checkClean();
    await new LocalStorage(restic.path).removeTemporaryFiles(0);
    const repository = await existingRepository(new LocalStorage(restic.path));
    const { finished } = await store(repository, { vda: testBytes(24 * MiB, 1) });
    await restic.checkClean();
    expect(await restic.dumpHash(finished.snapshotId, diskPath())).toBe(sha256(testBytes(24 * MiB, 1)));
  });

  it('for want of space says so, leaves no temporary file, and restic accepts the rest', async (context) => {
    await onTmpfs(context, '24m', async (mount) => {
      const restic = await Restic.at(join(mount, 'repository'));
      const storage = new LocalStorage(restic.path);
      const repository = await newRepository(storage);
      await store(repository, { vda: testBytes(2 * MiB, 1) });
      await underLock(repository, async (lock) => {
        const writer = repository.startSnapshot(lock, { signal });
        const stored = storeDisk(writer, new BufferSource(testBytes(128 * MiB, 2)));
        await expect(stored).rejects.toMatchObject({ code: 'storageFull' });
        await writer.abort();
      });
      expect(await storage.removeTemporaryFiles(0)).toBe(0);
      await restic.checkClean();
      expect((await repository.listSnapshots()).length).toBe(1);
    });
  });
});
