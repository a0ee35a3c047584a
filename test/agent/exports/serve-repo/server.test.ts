import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../helpers/byte-sources.ts';
import { restStorageOn, startPlainServer, type TestServer } from '../../../helpers/repository-server.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

import { filesBelow, raw } from '../../../helpers/raw-http.ts';

const bytes = Buffer.from('what is in the file');
const name = sha256(bytes);

describe('what the repository server gives', () => {
  async function withFile(): Promise<TestServer & { address: string }> {
    const server = await startPlainServer();
    await restStorageOn(server).write('data', name, [bytes]);
    return { ...server, address: `${server.url}repository/data/${name}` };
  }

  it.each([
    ['bytes=0-3', 206, 'what'],
    ['bytes=15-', 206, 'file'],
    ['bytes=-4', 206, 'file'],
    ['bytes=15-99999', 206, 'file'],
    ['bytes=19-', 416, 'the file is shorter'],
    ['bytes=-0', 416, 'the file is shorter'],
    ['bytes=3-1', 200, bytes.toString()],
    ['bytes=0-1,3-4', 200, bytes.toString()],
    ['bytes=-', 200, bytes.toString()],
    ['lines=1-2', 200, bytes.toString()],
  ])('answers the range %s with %i', async (range, status, text) => {
    const { address } = await withFile();
    const answer = await fetch(address, { headers: { Range: range } });
    expect([answer.status, await answer.text()]).toEqual([status, text]);
    if (status === 206) expect(answer.headers.get('content-range')).toMatch(/^bytes \d+-\d+\/19$/u);
  });

  it('lists in both versions', async () => {
    const { url } = await withFile();
    const list = (accept: string) => fetch(`${url}repository/data/`, { headers: { Accept: accept } });
    expect(await (await list('application/vnd.x.restic.rest.v2')).json()).toEqual([{ name, size: bytes.length }]);
    expect(await (await list('*/*')).json()).toEqual([name]);
    expect((await fetch(`${url}repository/locks`)).status).toBe(200);
    expect((await fetch(`${url}nothing/locks/`)).status).toBe(404);
  });

  it('follows no link and waits for no pipe', async () => {
    const { url, folder, address } = await withFile();
    await mkdir(join(folder, 'repository', 'keys'), { recursive: true });
    await symlink('/etc/passwd', join(folder, 'repository', 'keys', name));
    expect((await fetch(`${url}repository/keys/${name}`)).status).toBe(404);
    await mkdir(join(folder, 'repository', 'index', name), { recursive: true });
    expect((await fetch(`${url}repository/index/${name}`)).status).toBe(404);
    expect((await fetch(address, { method: 'HEAD' })).headers.get('content-length')).toBe('19');
  });

  it('never leaves its folder', async () => {
    const folder = await temporaryFolder();
    const served = join(folder, 'served');
    await mkdir(join(served, 'r', 'data', 'ab'), { recursive: true });
    await writeFile(join(folder, 'config'), 'outside');
    await writeFile(join(folder, name), 'outside');
    const { port } = await startPlainServer({ folder: served });
    const outside = [
      '..',
      '.',
      '%2e%2e',
      '..%2f',
      '%2e%2e%2fx',
      'r/..',
      'r/../..',
      '/',
      'a%00b',
      'a%5c..%5cb',
      '%zz',
      '.x',
    ];
    const addresses = outside.flatMap((path) => [
      `/${path}/config`,
      `/${path}/data/${name}`,
      `/${path}/keys/`,
      `/${path}`,
    ]);
    const names = [
      '..',
      '%2e%2e',
      '..%2f..%2fconfig',
      `..%2f${name}`,
      name.toUpperCase(),
      `${name}%00`,
      `${name}/x`,
      'config',
    ];
    addresses.push(
      ...names.map((file) => `/r/data/${file}`),
      'http://x/config',
      '*',
      `/r/config/${name}`,
      '/r/tmp/x/config',
    );
    for (const method of ['GET', 'POST', 'DELETE']) {
      for (const address of addresses) {
        const head = `${method} ${address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx`;
        const answer = await raw(port, head);
        expect([method, address, answer]).toEqual([method, address, expect.stringMatching(/^HTTP\/1.1 40[045] /u)]);
        expect(answer).not.toContain('outside');
      }
    }
    expect((await filesBelow(folder)).sort()).toEqual([join(folder, name), join(folder, 'config')].sort());
  });

  it('answers what it does not know', async () => {
    const { url } = await startPlainServer();
    const status = async (method: string, path: string) => (await fetch(`${url}${path}`, { method })).status;
    expect(await status('PUT', `r/data/${name}`)).toBe(405);
    expect(await status('DELETE', 'r/')).toBe(405);
    expect(await status('DELETE', 'r/data/')).toBe(405);
    expect(await status('POST', 'r/')).toBe(405);
    expect(await status('GET', 'r/')).toBe(405);
    expect(await status('DELETE', `r/data/${name}`)).toBe(404);
    expect(await status('POST', 'r/?create=true')).toBe(200);
  });
});

describe('append-only', () => {
  it('removes nothing but locks and replaces nothing', async () => {
    const { url, folder } = await startPlainServer({ appendOnly: true });
    const ask = async (method: string, path: string) => {
      const answer = await fetch(`${url}r/${path}`, { method, ...(method === 'POST' ? { body: bytes } : {}) });
      return answer.status;
    };
    for (const path of [
      'config',
      ...['data', 'index', 'keys', 'locks', 'snapshots'].map((type) => `${type}/${name}`),
    ]) {
      expect([path, await ask('POST', path)]).toEqual([path, 200]);
      expect([path, await ask('POST', path)]).toEqual([path, 403]);
      expect([path, await ask('DELETE', path)]).toEqual([path, path.startsWith('locks') ? 200 : 403]);
    }
    expect((await filesBelow(folder)).length).toBe(5);
  });

  it('lets one of many win who write the same name', async () => {
    const { url } = await startPlainServer({ appendOnly: true });
    const post = () => fetch(`${url}r/data/${name}`, { method: 'POST', body: bytes }).then(({ status }) => status);
    const all = await Promise.all(Array.from({ length: 12 }, post));
    expect(all.sort((a, b) => a - b)).toEqual([200, ...Array.from({ length: 11 }, () => 403)]);
  });

  it('is no trouble for our storage, which finds that its file is there', async () => {
    const storage = restStorageOn(await startPlainServer({ appendOnly: true }));
    await storage.write('data', name, [bytes]);
    await storage.write('data', name, [bytes]);
    await expect(storage.remove('data', name)).rejects.toMatchObject({ code: 'storageDenied' });
  });
});
