import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePasswordLine } from '../../../../agent/exports/serve-repo/password-line.ts';
import { startRepositoryServer } from '../../../../agent/exports/serve-repo/server.ts';
import {
  restSecret,
  restUser,
  startPlainServer,
  testCertificate,
  usersFile,
} from '../../../helpers/repository-server.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

import { until } from '../../../helpers/raw-http.ts';

function basic(user: string, password = restSecret): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

describe('who may use the repository server', () => {
  it('lets in only users with their password', async () => {
    const server = await startPlainServer({ usersFile: await usersFile(restUser) });
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${server.url}r/config`, { headers })).status;
    expect(await status({})).toBe(401);
    expect(await status(basic(restUser))).toBe(404);
    for (const wrong of [
      basic(restUser, ''),
      basic('bob'),
      basic(''),
      { Authorization: 'Basic !' },
      { Authorization: 'Bearer x' },
    ])
      expect(await status(wrong)).toBe(401);
    expect((await fetch(`${server.url}r/config`)).headers.get('www-authenticate')).toMatch(/^Basic /u);
    expect(server.lines.filter((line) => line.includes('wrong password')).length).toBe(3);
  });

  it('slows down whoever guesses, but nobody who was in already', async () => {
    const { url } = await startPlainServer({ usersFile: await usersFile(restUser) });
    const status = async (headers: Record<string, string>) => (await fetch(`${url}r/config`, { headers })).status;
    expect(await status(basic(restUser))).toBe(404);
    const guesses = await Promise.all(Array.from({ length: 25 }, (_, n) => status(basic(restUser, `guess ${n}`))));
    expect(guesses.filter((one) => one === 401).length).toBeLessThanOrEqual(10);
    expect(guesses.filter((one) => one === 429 || one === 503).length).toBeGreaterThanOrEqual(15);
    expect(await status(basic(restUser))).toBe(404);
  });

  it('keeps users apart when repositories are private', async () => {
    const { url } = await startPlainServer({ usersFile: await usersFile('alice', 'bob'), isPrivate: true });
    const ask = async (user: string, path: string, method = 'GET') =>
      (await fetch(`${url}${path}`, { method, headers: basic(user) })).status;
    expect(await ask('alice', 'alice/?create=true', 'POST')).toBe(200);
    expect(await ask('alice', 'alice/deep/er/?create=true', 'POST')).toBe(200);
    expect(await ask('alice', 'alice/data/')).toBe(200);
    for (const path of [
      'bob/config',
      'config',
      'data/',
      'alicex/config',
      'ALICE/config',
      'bob/alice/config',
      '?create=true',
    ])
      expect([path, await ask('alice', path, path.includes('create') ? 'POST' : 'GET')]).toEqual([path, 403]);
    expect(await ask('bob', 'bob/config')).toBe(404);
  });

  it('notices a changed users file, and lets nobody in when it is gone', async () => {
    const path = await usersFile('alice');
    const server = await startPlainServer({ usersFile: path });
    const status = async (user: string) => (await fetch(`${server.url}r/config`, { headers: basic(user) })).status;
    expect([await status('alice'), await status('bob')]).toEqual([404, 401]);
    await writeFile(`${path}.new`, `${await makePasswordLine('bob', restSecret)}\nbroken\n`);
    await rename(`${path}.new`, path);
    // Whoever is signed in may ask as often as it likes; ten refusals would lock this address out.
    await until('alice is out', async () => (await status('alice')) === 401);
    expect(await status('bob')).toBe(404);
    expect(server.lines.join()).toContain('line 2');
  });

  it('does not start where it would be open to all, or with what it cannot use', async () => {
    const folder = await temporaryFolder();
    const local = { host: '127.0.0.1', port: 0 };
    const outside = { host: '0.0.0.0', port: 0 };
    const tls = await testCertificate();
    const broken = join(folder, 'users');
    await writeFile(broken, 'alice:secret\n');
    const users = await usersFile('alice');
    const wrong = [
      { folder, listen: outside, usersFile: users },
      { folder, listen: outside, tls },
      { folder, listen: local, isPrivate: true },
      { folder, listen: local, usersFile: broken },
      { folder, listen: local, usersFile: join(folder, 'none') },
      { folder: join(folder, 'none'), listen: local },
      { folder: broken, listen: local },
      { folder, listen: local, tls: { key: 'x', cert: 'y' } },
    ];
    for (const options of wrong)
      await expect(startRepositoryServer(options)).rejects.toMatchObject({ code: 'invalidValue' });
  });

  it('makes lines only for names that can be folders', async () => {
    expect(await makePasswordLine('a.b@c-d', 'x')).toMatch(/^a\.b@c-d:scrypt\$32768\$8\$1\$/u);
    for (const user of ['', 'a:b', '../x', 'data', 'config', '.x', 'a b', 'a\nb', 'x'.repeat(101)])
      await expect(makePasswordLine(user, 'x')).rejects.toMatchObject({ code: 'invalidValue' });
    await expect(makePasswordLine('alice', '')).rejects.toMatchObject({ code: 'invalidValue' });
  });
});
