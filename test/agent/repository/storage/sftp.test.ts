import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RetryingStorage } from '../../../../agent/repository/storage/retrying.ts';
import { prepareCipherKeys } from '../../../../agent/repository/storage/sftp-cipher-keys.ts';
import { type SftpOptions, SftpStorage } from '../../../../agent/repository/storage/sftp.ts';
import { dialSsh } from '../../../../shared/node/ssh-dial.ts';
import { BufferSource, sha256, testBytes } from '../../../helpers/byte-sources.ts';
import { itAsUser, lacking } from '../../../helpers/needs.ts';
import {
  backUp,
  diskPath,
  existingRepository,
  newRepository,
  storeDisk,
  vmTree,
} from '../../../helpers/repositories.ts';
import { hasRestic, Restic } from '../../../helpers/restic.ts';
import { missingSshd, silentServer, TestSshd } from '../../../helpers/sshd.ts';
import { onTmpfs } from '../../../helpers/tmpfs.ts';
import { storageSuite } from '../../../suites/storage-suite.ts';

const MiB = 1024 * 1024;
const name = 'ab'.repeat(32);
const noServer = lacking(missingSshd);

async function storageOn(sshd: TestSshd, change: Partial<SftpOptions> = {}): Promise<SftpStorage> {
  const storage = new SftpStorage({ ...(await sshd.options()), ...change });
  onTestFinished(() => storage.close());
  return storage;
}

async function serverWithStorage(change: Partial<SftpOptions> = {}) {
  const sshd = await TestSshd.start();
  return { sshd, storage: await storageOn(sshd, change), folder: sshd.path('home', 'repository') };
}

describe.skipIf(noServer)('SFTP storage', () => {
  storageSuite('sftp', async () => (await serverWithStorage()).storage);

  it('lays files out as restic does, with closed modes', async () => {
    const { storage, folder } = await serverWithStorage();
    await storage.prepare();
    await storage.write('data', name, [Buffer.from('x')]);
    await storage.write('key', name, [Buffer.from('x')]);
    expect((await stat(join(folder, 'data', 'ab', name))).mode & 0o777).toBe(0o400);
    expect((await stat(join(folder, 'data', 'ab'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'keys'))).toEqual([name]);
    expect((await readdir(join(folder, 'data'))).length).toBe(256);
  });

  it('makes missing folders on demand, also above the repository', async () => {
    const { sshd, storage } = await serverWithStorage({ path: 'a/b/repository' });
    await storage.write('data', name, [Buffer.from('x')]);
    expect(await readFile(sshd.path('home/a/b/repository/data/ab', name), 'utf8')).toBe('x');
  });

  it('takes an absolute path as it is', async () => {
    const sshd = await TestSshd.start();
    const storage = await storageOn(sshd, { path: sshd.path('elsewhere') });
    await storage.write('lock', name, [Buffer.from('x')]);
    expect(await readdir(sshd.path('elsewhere', 'locks'))).toEqual([name]);
    expect(storage.location).toBe(`sftp://${sshd.user}@127.0.0.1:${sshd.port}/${sshd.path('elsewhere')}`);
  });

  it('writes and reads files of many requests, several at a time over both connections', async () => {
    const { sshd, storage } = await serverWithStorage();
    await storage.prepare();
    const files = Array.from({ length: 4 }, (_, n) => testBytes(3 * MiB + 12_345 * n, n));
    const cut = (bytes: Buffer) => [bytes.subarray(0, MiB), bytes.subarray(MiB, MiB + 70), bytes.subarray(MiB + 70)];
    await Promise.all(files.map((bytes) => storage.write('data', sha256(bytes), cut(bytes))));
    const read = await Promise.all(files.map((bytes) => storage.read('data', sha256(bytes))));
    expect(read.every((bytes, n) => files[n]?.equals(bytes))).toBe(true);
    const [first = Buffer.alloc(0)] = files;
    const range = await storage.read('data', sha256(first), { offset: MiB - 7, length: 700_001 });
    expect(range.equals(first.subarray(MiB - 7, MiB - 7 + 700_001))).toBe(true);
    expect(sshd.connections).toBe(2);
  });

  it('lists large folders completely and skips what is not a repository file', async () => {
    const { storage, folder } = await serverWithStorage();
    await storage.prepare();
    const names = Array.from({ length: 450 }, (_, n) => sha256(Buffer.from(String(n))));
    await Promise.all(names.map((one) => writeFile(join(folder, 'index', one), one)));
    await writeFile(join(folder, 'index', `${name}-restic-temp-${'0'.repeat(32)}`), 'x');
    await mkdir(join(folder, 'index', 'c'.repeat(64)));
    await symlink('/etc/passwd', join(folder, 'index', 'd'.repeat(64)));
    const found: string[] = [];
    for await (const file of storage.list('index')) {
      expect(file.sizeBytes).toBe(64);
      found.push(file.name);
    }
    expect(found.sort()).toEqual(names.sort());
  });

  it('gives the connection back when a listing is left early', async () => {
    const { storage } = await serverWithStorage();
    await storage.prepare();
    for (const seed of ['0', '1', '2']) await storage.write('data', seed.repeat(64), [Buffer.from('x')]);
    for (let n = 0; n < 5; n++) {
      for await (const file of storage.list('data')) {
        expect(file.sizeBytes).toBe(1);
        break;
      }
    }
    expect(await storage.size('data', '2'.repeat(64))).toBe(1);
  });

  it('counts a folder with strangers as not empty', async () => {
    const { storage, folder } = await serverWithStorage();
    await storage.prepare();
    await mkdir(join(folder, 'lost+found'));
    expect(await storage.isEmpty()).toBe(true);
    await writeFile(join(folder, 'holiday.jpg'), 'x');
    expect(await storage.isEmpty()).toBe(false);
  });

  it('refuses a torn file that lies under the name and replaces it', async () => {
    const { storage, folder } = await serverWithStorage();
    await storage.prepare();
    await writeFile(join(folder, 'index', name), 'to');
    await storage.write('index', name, [Buffer.from('torn no more')]);
    expect((await storage.read('index', name)).toString()).toBe('torn no more');
  });

  it('prints the fingerprint that ssh-keygen prints', async () => {
    const sshd = await TestSshd.start();
    expect(await SftpStorage.fingerprintOf('127.0.0.1', sshd.port)).toBe(await sshd.fingerprint());
    await sshd.stopServer();
    await expect(SftpStorage.fingerprintOf('127.0.0.1', sshd.port)).rejects.toMatchObject({ code: 'storageFailed' });
  });
});

describe.skipIf(noServer)('keys of the ciphers', () => {
  it('are prepared by reaching into the library: this fails when it has changed inside', async () => {
    const sshd = await TestSshd.start();
    const login = { port: 22, ...(await sshd.options()), timeoutMs: 10_000 };
    const line = await dialSsh(login, new AbortController().signal);
    onTestFinished(() => void line.client.end());
    expect(prepareCipherKeys(line.client)).toBe(2);
    expect(prepareCipherKeys(line.client)).toBe(0);
    const sftp = await new Promise((resolve, reject) => {
      line.client.sftp((error, opened) => (error === undefined ? resolve(opened) : reject(error)));
    });
    expect(sftp).toBeDefined();
  });
});

describe.skipIf(noServer)('who may talk to whom over SFTP', () => {
  it('talks to no server with another host key and shows both keys', async () => {
    const pinned = `SHA256:${'A'.repeat(43)}`;
    const { sshd, storage } = await serverWithStorage({ hostKey: pinned });
    const error: unknown = await storage.isEmpty().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'storageDenied' });
    expect(String(error)).toContain(pinned);
    expect(String(error)).toContain(await sshd.fingerprint());
  });

  it('accepts any key of the server that was pinned', async () => {
    const sshd = await TestSshd.start();
    const storage = await storageOn(sshd, { hostKey: `${await sshd.fingerprint('hostkey-ecdsa')}=` });
    expect(await storage.isEmpty()).toBe(true);
  });

  it('says denied for a wrong key, a broken key and a wrong password, without showing them', async () => {
    const sshd = await TestSshd.start(['KbdInteractiveAuthentication yes']);
    const { privateKey: _, ...rest } = await sshd.options();
    const logins = [
      { privateKey: await readFile(sshd.path('other-id'), 'utf8') },
      { privateKey: 'no such key' },
      { privateKey: await readFile(sshd.path('id.pub'), 'utf8') },
      { password: 'hunter2' },
    ];
    for (const login of logins) {
      const storage = new SftpStorage({ ...rest, ...login });
      const error: unknown = await storage.readConfig().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'storageDenied', hint: expect.any(String) as string });
      expect(JSON.stringify(error) + String(error)).not.toContain('hunter2');
    }
  });

  it('refuses what is no fingerprint before it dials', async () => {
    const sshd = await TestSshd.start();
    const options = await sshd.options();
    const wrong = () => new SftpStorage({ ...options, hostKey: '16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48' });
    expect(wrong).toThrow(expect.objectContaining({ code: 'invalidValue' }) as Error);
    expect(sshd.connections).toBe(0);
  });
});

describe.skipIf(noServer)('SFTP when things break', () => {
  it('dials again after the line was cut', async () => {
    const { sshd, storage } = await serverWithStorage();
    await storage.prepare();
    await storage.write('lock', name, [Buffer.from('x')]);
    sshd.cut();
    await expect(storage.size('lock', name).catch(() => storage.size('lock', name))).resolves.toBe(1);
  });

  it('leaves nothing under the final name when the server dies in the middle of a write', async () => {
    const { sshd, storage, folder } = await serverWithStorage();
    await storage.prepare();
    const bytes = testBytes(8 * MiB, 1);
    const middle = sshd.afterBytes(3 * MiB).then(() => sshd.stopServer());
    const write = storage.write('data', name, [bytes]);
    await expect(write).rejects.toMatchObject({ code: 'storageFailed' });
    await middle;
    const left = await readdir(join(folder, 'data', 'ab'));
    expect(left.every((file) => file.startsWith(`${name}-restic-temp-`))).toBe(true);
    await expect(storage.size('data', name)).rejects.toMatchObject({ code: 'storageFailed' });
    // The next write that gets through clears away what the broken one left.
    await sshd.startServer();
    await storage.write('data', name, [bytes]);
    expect(await readdir(join(folder, 'data', 'ab'))).toEqual([name]);
  });

  it('survives a restart of the server with retries', async () => {
    const { sshd, storage } = await serverWithStorage();
    const log: string[] = [];
    const retrying = new RetryingStorage(storage, { firstDelayMs: 50, log: (line) => log.push(line) });
    await retrying.prepare();
    const bytes = testBytes(8 * MiB, 1);
    const restarted = sshd.afterBytes(3 * MiB).then(async () => {
      await sshd.stopServer();
      await new Promise((resolve) => setTimeout(resolve, 200));
      await sshd.startServer();
    });
    await retrying.write('data', name, [bytes]);
    await restarted;
    expect(log.length).toBeGreaterThan(0);
    expect((await retrying.read('data', name)).equals(bytes)).toBe(true);
  });

  it('gives up a server that says nothing any more', async () => {
    const { sshd, storage } = await serverWithStorage({ stallMs: 400 });
    await storage.prepare();
    sshd.hold();
    const started = performance.now();
    await expect(storage.write('data', name, [testBytes(MiB, 1)])).rejects.toMatchObject({ code: 'storageFailed' });
    expect(performance.now() - started).toBeLessThan(5000);
    await storage.write('data', name, [Buffer.from('again')]);
  });

  it('gives up a server that never finishes the handshake', async () => {
    const sshd = await TestSshd.start();
    const storage = await storageOn(sshd, { port: await silentServer(), dialTimeoutMs: 300 });
    await expect(storage.isEmpty()).rejects.toMatchObject({ code: 'storageFailed' });
  });

  it('ends dialling and requests when it is closed, and dials again when it is used after all', async () => {
    const { sshd, storage } = await serverWithStorage();
    await storage.prepare();
    const write = storage.write('data', name, [testBytes(8 * MiB, 1)]);
    const failed = expect(write).rejects.toMatchObject({ code: 'storageFailed' });
    await storage.close();
    await failed;
    expect(await storage.isEmpty()).toBe(true);
    const silent = await storageOn(sshd, { port: await silentServer() });
    const dialling = expect(silent.isEmpty()).rejects.toMatchObject({ code: 'storageFailed' });
    await silent.close();
    await dialling;
  });

  it('works with a server that allows one connection', async () => {
    const { sshd, storage } = await serverWithStorage();
    await storage.prepare();
    sshd.most = 1;
    const names = ['1', '2', '3', '4'].map((digit) => digit.repeat(64));
    await Promise.all(names.map((one) => storage.write('data', one, [Buffer.from(one)])));
    expect(await Promise.all(names.map((one) => storage.size('data', one)))).toEqual([64, 64, 64, 64]);
  });

  it('turns a full file system into storageFull and leaves no temporary file', async (context) => {
    const sshd = await TestSshd.start();
    await onTmpfs(context, '2m', async (path) => {
      const storage = await storageOn(sshd, { path });
      await storage.prepare();
      const write = storage.write('data', name, [Buffer.alloc(4 * MiB, 1)]);
      await expect(write).rejects.toMatchObject({ code: 'storageFull' });
      expect(await readdir(join(path, 'data', 'ab'))).toEqual([]);
      await storage.close();
    });
  });

  it('turns a read-only file system into storageDenied', async (context) => {
    const sshd = await TestSshd.start();
    await onTmpfs(context, '2m', async (path, remount) => {
      const storage = await storageOn(sshd, { path });
      await storage.prepare();
      await storage.write('lock', name, [Buffer.from('x')]);
      await remount('ro');
      await expect(storage.write('data', name, [Buffer.from('x')])).rejects.toMatchObject({ code: 'storageDenied' });
      await expect(storage.remove('lock', name)).rejects.toMatchObject({ code: 'storageDenied' });
      await storage.close();
    });
  });

  itAsUser('turns missing rights into storageDenied', async () => {
    const { storage, folder } = await serverWithStorage();
    await storage.prepare();
    await chmod(join(folder, 'locks'), 0o500);
    await expect(storage.write('lock', name, [Buffer.from('x')])).rejects.toMatchObject({ code: 'storageDenied' });
  });
});

describe.skipIf(noServer || lacking(hasRestic ? undefined : 'restic is not installed'))('restic over SFTP', () => {
  it('reads what we wrote, and we what restic wrote', async () => {
    const { sshd, storage } = await serverWithStorage();
    const repository = await newRepository(storage);
    const disk = testBytes(20 * MiB, 3);
    const { finished } = await backUp(
      repository,
      (writer) => storeDisk(writer, new BufferSource(disk)),
      (stored) => vmTree({ vda: stored.content }),
    );
    const restic = await Restic.at(`sftp:${sshd.user}@127.0.0.1:repository`);
    const option = await sshd.resticOption();
    const { stdout } = await restic.run(['-o', option, 'check', '--read-data']);
    expect(stdout).toContain('no errors were found');
    const { stdout: dumped } = await restic.run(['-o', option, 'ls', finished.snapshotId]);
    expect(dumped).toContain(diskPath());
    await restic.run(['-o', option, 'tag', '--add', 'seen', finished.snapshotId]);
    const again = await existingRepository(await storageOn(sshd));
    expect((await again.listSnapshots()).map(({ tags }) => tags.includes('seen'))).toEqual([true]);
  });
});
