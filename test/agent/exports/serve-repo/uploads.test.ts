import { once } from 'node:events';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RetryingStorage } from '../../../../agent/repository/storage/retrying.ts';
import { sha256, testBytes } from '../../../helpers/byte-sources.ts';
import { startProgram } from '../../../helpers/programs.ts';
import {
  restSecret,
  restStorageOn,
  restUser,
  startPlainServer,
  startTestServer,
  usersFile,
} from '../../../helpers/repository-server.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';
import { onTmpfs } from '../../../helpers/tmpfs.ts';

import { filesBelow, halfUpload, raw, until } from '../../../helpers/raw-http.ts';

const MiB = 1024 * 1024;
const bytes = Buffer.from('what is in the file');
const name = sha256(bytes);
const login = { user: restUser, secret: restSecret };

describe('what the repository server takes', () => {
  it('refuses a body that is not what its name says, and keeps nothing', async () => {
    const { url, folder } = await startPlainServer();
    for (const type of ['data', 'index', 'keys', 'locks', 'snapshots']) {
      const answer = await fetch(`${url}r/${type}/${name}`, { method: 'POST', body: 'something else' });
      expect(answer.status).toBe(400);
    }
    expect(await filesBelow(folder)).toEqual([]);
    expect((await fetch(`${url}r/config`, { method: 'POST', body: 'anything' })).status).toBe(200);
  });

  it('takes the same file again, and heals a damaged one by it', async () => {
    const server = await startPlainServer();
    const storage = restStorageOn(server);
    await storage.write('data', name, [bytes]);
    await storage.write('data', name, [bytes]);
    const path = join(server.folder, 'repository', 'data', name.slice(0, 2), name);
    await writeFile(path, 'damaged');
    await storage.write('data', name, [bytes]);
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  it('never replaces a config', async () => {
    const { url, folder } = await startPlainServer();
    const put = (body: string) => fetch(`${url}r/config`, { method: 'POST', body });
    const all = await Promise.all(Array.from({ length: 10 }, (_, n) => put(`config ${n}`)));
    expect(all.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 9 }, () => 403),
    ]);
    expect((await readdir(join(folder, 'r'))).filter((file) => file !== 'config')).toEqual([]);
  });

  it('refuses files that are too large or of unknown length', async () => {
    const { url, port, folder } = await startPlainServer({ maxFileBytes: 3 * MiB });
    const post = (type: string, size: number) =>
      fetch(`${url}r/${type}/${name}`, { method: 'POST', body: Buffer.alloc(size) }).then(({ status }) => status);
    expect(await post('data', 3 * MiB)).toBe(400);
    expect(await post('data', 3 * MiB + 1)).toBe(413);
    expect(await post('locks', MiB + 1)).toBe(413);
    const head = `POST /r/data/${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
    expect(await raw(port, `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1.1 411 /u);
    expect(await raw(port, `${head}Content-Length: 99999999999999999999\r\n\r\n`)).toMatch(/^HTTP\/1.1 4/u);
    expect(await raw(port, `${head}Content-Length: -1\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /u);
    expect(await filesBelow(folder)).toEqual([]);
  });

  it('lets many write at the same time, over TLS', async () => {
    const server = await startTestServer({ usersFile: await usersFile(restUser) });
    const writers = Array.from({ length: 20 }, () => restStorageOn(server, login));
    const files = writers.map((_, n) => testBytes(MiB / 2 + n, n));
    const same = testBytes(MiB, 99);
    await Promise.all(
      writers.map(async (storage, n) => {
        const own = files[n] ?? Buffer.alloc(0);
        await storage.write('data', sha256(own), [own]);
        await storage.write('data', sha256(same), [same]);
      }),
    );
    const found = await filesBelow(join(server.folder, 'repository', 'data'));
    expect(found.length).toBe(21);
    for (const path of found) expect(path).toContain(sha256(await readFile(path)));
  });

  it('shows nothing of an upload that a client breaks off, and removes it', async () => {
    const { port, folder } = await startPlainServer();
    const socket = await halfUpload(port, `/r/data/${name}`, 2 * MiB);
    await until('a temporary file', async () => (await filesBelow(folder)).length === 1);
    expect((await filesBelow(folder))[0]).toMatch(/-tmp-[0-9a-f]{16}$/u);
    socket.destroy();
    await until('its end', async () => (await filesBelow(folder)).length === 0);
  });

  it('shows nothing of an upload when it is killed', async () => {
    const folder = await temporaryFolder();
    const server = await startProgram('test/helpers/repository-server-process.ts', [folder], join(folder, 'log'));
    onTestFinished(() => server.kill('SIGKILL').then(() => undefined));
    const { port } = server.ready as { port: number };
    const socket = await halfUpload(port, `/r/data/${name}`, 2 * MiB);
    const packs = join(folder, 'r', 'data', name.slice(0, 2));
    await until('a temporary file', async () => (await filesBelow(folder)).some((file) => file.startsWith(packs)));
    await server.kill('SIGKILL');
    socket.destroy();
    const left = await readdir(packs);
    expect(left.every((file) => file.startsWith(`${name}-tmp-`))).toBe(true);
    // The next server serves the repository as if nothing was there, and tidies up what is a day old.
    for (const file of left) await utimes(join(packs, file), 1, 1);
    const next = await startPlainServer({ folder });
    const storage = restStorageOn(next, { url: `${next.url}r/` });
    for await (const file of storage.list('data')) expect.fail(file.name);
    await storage.write('data', name, [bytes]);
    await until('tidiness', async () => (await readdir(packs)).join() === name);
  });

  it('gives up clients on which nothing moves', async () => {
    const { port, folder } = await startPlainServer({ idleMs: 300 });
    const socket = await halfUpload(port, `/r/data/${name}`, 2 * MiB);
    await once(socket, 'close');
    await until('no temporary file', async () => (await filesBelow(folder)).length === 0);
    expect(await raw(port, 'GET / HTTP/1.1\r\n')).toBe('');
  });

  it('says 507 when the disk is full, and keeps nothing', async (context) => {
    await onTmpfs(context, '2m', async (path) => {
      const server = await startPlainServer({ folder: path });
      const storage = restStorageOn(server);
      const large = testBytes(8 * MiB, 1);
      await expect(storage.write('data', sha256(large), [large])).rejects.toMatchObject({ code: 'storageFull' });
      await storage.write('data', name, [bytes]);
      expect(await filesBelow(path)).toEqual([join(path, 'repository', 'data', name.slice(0, 2), name)]);
      expect(server.lines.join()).toContain('ENOSPC');
      await server.stop();
    });
  });
});

describe('stopping the repository server', () => {
  it('lets a request end, refuses new ones and can be started again', async () => {
    const server = await startPlainServer();
    const storage = restStorageOn(server);
    const large = testBytes(16 * MiB, 1);
    const write = storage.write('data', sha256(large), [large]);
    await until('a temporary file', async () => (await filesBelow(server.folder)).length === 1);
    await Promise.all([server.stop(), write]);
    await expect(storage.readConfig()).rejects.toMatchObject({ code: 'storageFailed' });
    const listen = { host: '127.0.0.1', port: server.port };
    const again = await startPlainServer({ folder: server.folder, listen });
    const retrying = new RetryingStorage(storage, { firstDelayMs: 20 });
    expect(await retrying.size('data', sha256(large))).toBe(large.length);
    await again.stop();
  });
});
