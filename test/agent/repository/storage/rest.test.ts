import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RestStorage } from '../../../../agent/repository/storage/rest.ts';
import { RetryingStorage } from '../../../../agent/repository/storage/retrying.ts';
import { sha256, testBytes } from '../../../helpers/byte-sources.ts';
import { FakeRestServer } from '../../../helpers/fake-rest-server.ts';
import { answering, listening, names } from '../../../helpers/rest-answers.ts';
import { lacking } from '../../../helpers/needs.ts';
import { missingRclone, startRclone } from '../../../helpers/rclone.ts';
import {
  restSecret,
  restStorageOn,
  restUser,
  startPlainServer,
  startTestServer,
  testCertificate,
  usersFile,
} from '../../../helpers/repository-server.ts';
import { storageSuite } from '../../../suites/storage-suite.ts';

const MiB = 1024 * 1024;
const name = 'ab'.repeat(32);
const login = { user: restUser, secret: restSecret };
// The suite makes up names, which no honest client does.
const verifyUploads = false;

storageSuite('rest, our server, https and a pinned certificate', async () => {
  const server = await startTestServer({ verifyUploads, usersFile: await usersFile(restUser) });
  return restStorageOn(server, login);
});

storageSuite('rest, our server, append-only, http', async () =>
  restStorageOn(await startPlainServer({ verifyUploads, appendOnly: true })),
);

describe.skipIf(lacking(missingRclone))('rclone as the server', () => {
  storageSuite('rest, rclone serve restic', async () => {
    const { url } = await startRclone(restUser, restSecret);
    return restStorageOn({ url, fingerprint: undefined }, login);
  });

  it('says denied for a wrong password', async () => {
    const { url } = await startRclone(restUser, restSecret);
    const storage = restStorageOn({ url, fingerprint: undefined }, { user: restUser, secret: 'hunter2' });
    await expect(storage.readConfig()).rejects.toMatchObject({ code: 'storageDenied' });
  });
});

describe('REST storage and its server', () => {
  it('lays files out as restic does, with closed modes', async () => {
    const server = await startTestServer();
    const storage = restStorageOn(server);
    await storage.prepare();
    const bytes = Buffer.from('x');
    await storage.write('data', sha256(bytes), [bytes]);
    await storage.write('key', sha256(bytes), [bytes]);
    const root = join(server.folder, 'repository');
    const pack = join(root, 'data', sha256(bytes).slice(0, 2), sha256(bytes));
    expect((await stat(pack)).mode & 0o777).toBe(0o400);
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    expect(await readdir(join(root, 'keys'))).toEqual([sha256(bytes)]);
  });

  it('keeps connections, and sends large bodies in many pieces', async () => {
    const { server, storage } = await answering((_, response) => response.end());
    const bytes = testBytes(5 * MiB + 3, 1);
    const parts = [bytes.subarray(0, 7), bytes.subarray(7, 4 * MiB), new Uint8Array(0), bytes.subarray(4 * MiB)];
    for (let n = 0; n < 3; n++) await storage.write('data', name, parts);
    expect(server.requests.every(({ body }) => body.equals(bytes))).toBe(true);
    expect(server.requests[0]?.headers).toMatchObject({ 'content-length': String(bytes.length) });
    expect(server.connections).toBe(1);
  });

  it('keeps the connection over sizes, refusals, parts and listings too', async () => {
    const server = await startPlainServer();
    const relay = await FakeRestServer.start((_, response) =>
      response.writeHead(404, { 'Content-Length': 4 }).end('gone'),
    );
    const storage = restStorageOn({ url: relay.url, fingerprint: undefined });
    for (let n = 0; n < 3; n++) await expect(storage.size('lock', name)).rejects.toMatchObject({ code: 'notFound' });
    for (let n = 0; n < 3; n++) expect(await storage.readConfig()).toBeUndefined();
    await storage.remove('lock', name);
    expect(await names(storage)).toEqual([]);
    expect(relay.connections).toBe(1);
    expect(await names(restStorageOn(server))).toEqual([]);
  });

  it('finds connections that the server has closed in the meantime and says nothing of it', async () => {
    const { server, storage } = await answering(({ method }, response) => {
      if (method === 'HEAD') response.setHeader('Content-Length', 3);
      response.end();
    });
    await Promise.all([1, 2, 3].map(() => storage.size('lock', name)));
    for (const socket of server.sockets) socket.destroy();
    await storage.write('lock', name, [testBytes(MiB, 1)]);
    expect(await storage.size('lock', name)).toBe(3);
  });

  it('lists a hundred thousand files and can be left early', async () => {
    const row = (n: number) => `{"name":"${sha256(Buffer.from(String(n % 10)))}", "size":${n}}`;
    const text = `[${Array.from({ length: 100_000 }, (_, n) => row(n)).join(',\n')}]`;
    const { storage } = await answering(({ method }, response) =>
      method === 'HEAD' ? response.writeHead(404).end() : response.end(text),
    );
    expect((await names(storage)).length).toBe(100_000);
    for await (const file of storage.list('data')) {
      expect(file.sizeBytes).toBe(0);
      break;
    }
    expect(await storage.isEmpty()).toBe(false);
  });

  it('asks for listings with sizes, takes null for none and skips foreign names', async () => {
    const answers = ['null', '[]', ` [ {"size":1,"name":"x}\\"{"} , {"name":"${name}","size":5,"more":true} ]\n`];
    const { server, storage } = await answering((_, response) => response.end(answers.shift()));
    expect([await names(storage), await names(storage), await names(storage)]).toEqual([[], [], [name]]);
    expect(server.requests[0]?.headers.accept).toBe('application/vnd.x.restic.rest.v2');
    expect(server.asked[0]).toBe('GET /repository/index/');
  });

  it('says unsupported to a server of version 1', async () => {
    const { storage } = await answering((_, response) => response.end(JSON.stringify([name])));
    await expect(names(storage)).rejects.toMatchObject({ code: 'unsupported' });
  });

  it.each(['', '[', '[{"name":"x","size":1}', '{}', '[{"name":"x"}]', '[{"name":"x","size":-1}]', '[[]]', '[1]', '[{'])(
    'takes %j for no listing',
    async (text) => {
      const { storage } = await answering((_, response) => response.end(text));
      await expect(names(storage)).rejects.toMatchObject({ code: 'storageFailed' });
    },
  );
});

describe('who may talk to whom over REST', () => {
  it('sends nothing to a server with another certificate, and shows both', async () => {
    const server = await startTestServer({ usersFile: await usersFile(restUser) });
    const pinned = `SHA256:${'A'.repeat(43)}`;
    const storage = restStorageOn(server, { ...login, fingerprint: pinned });
    const error: unknown = await storage.isEmpty().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'storageDenied' });
    expect(String(error)).toContain(pinned);
    expect(String(error)).toContain(server.fingerprint);
  });

  it('trusts no unknown certificate without a pin, but one that was signed by the given authority', async () => {
    const server = await startTestServer();
    const url = `${server.url}repository/`;
    const stranger = new RestStorage({ url });
    const error: unknown = await stranger.isEmpty().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'storageDenied', hint: expect.any(String) as string });
    expect(String(error)).toContain(server.fingerprint);
    const trusting = new RestStorage({ url, caCertificate: (await testCertificate()).cert });
    expect(await trusting.isEmpty()).toBe(true);
    await trusting.close();
    const elsewhere = new RestStorage({
      url: url.replace('127.0.0.1', 'localhost'),
      caCertificate: (await testCertificate()).cert,
    });
    await expect(elsewhere.isEmpty()).rejects.toMatchObject({ code: 'storageDenied' });
  });

  it('tells the fingerprint before any login', async () => {
    const server = await startTestServer();
    expect(await RestStorage.fingerprintOf(server.url)).toBe(server.fingerprint);
    const plain = await startPlainServer();
    const { url } = plain;
    await expect((async () => RestStorage.fingerprintOf(url))()).rejects.toMatchObject({ code: 'invalidValue' });
    const wrong = RestStorage.fingerprintOf(url.replace('http', 'https'));
    await expect(wrong).rejects.toMatchObject({ code: 'storageDenied' });
  });

  it('says denied for a wrong password, without showing it', async () => {
    const server = await startTestServer({ usersFile: await usersFile(restUser) });
    for (const wrong of [{}, { user: restUser, secret: 'hunter2' }, { user: 'bob', secret: 'hunter2' }]) {
      const error: unknown = await restStorageOn(server, wrong)
        .readConfig()
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'storageDenied', hint: expect.any(String) as string });
      expect(JSON.stringify(error) + String(error)).not.toContain('hunter2');
    }
    expect(server.lines.join()).not.toContain('hunter2');
  });

  it('refuses addresses that are none or hold secrets, and shows no secret', () => {
    const wrong = [
      '',
      'host:8000',
      'ftp://host/',
      'https://',
      'https://host/?x',
      'https://a:hunter2@host/',
      'file:///x',
    ];
    for (const url of wrong) {
      const make = () => new RestStorage({ url });
      expect(make).toThrow(expect.objectContaining({ code: 'invalidValue' }) as Error);
      expect(make).not.toThrow(/hunter2/u);
    }
    const make = () => new RestStorage({ url: 'https://host/', fingerprint: 'aa:bb' });
    expect(make).toThrow(expect.objectContaining({ code: 'invalidValue' }) as Error);
    const { location } = new RestStorage({ url: 'rest:https://host:8000/a b', user: 'u', secret: 'hunter2' });
    expect(location).toBe('rest:https://host:8000/a%20b/');
  });
});

describe('REST when things break', () => {
  it('says so when nobody listens', async () => {
    const server = createServer();
    const url = await listening(server);
    server.close();
    await once(server, 'close');
    await expect(new RestStorage({ url }).isEmpty()).rejects.toMatchObject({ code: 'storageFailed' });
  });

  it('gets through with retries when connections are cut', async () => {
    const server = await startPlainServer();
    let cuts = 3;
    const relay = createServer((client) => {
      const budget = cuts-- > 0 ? 2 * MiB : Number.POSITIVE_INFINITY;
      pass(client, server.port, budget);
    });
    const storage = restStorageOn({ url: await listening(relay), fingerprint: undefined });
    const log: string[] = [];
    const retrying = new RetryingStorage(storage, { firstDelayMs: 20, log: (line) => log.push(line) });
    const bytes = testBytes(8 * MiB, 1);
    await retrying.write('data', sha256(bytes), [bytes]);
    expect(log.length).toBeGreaterThan(0);
    expect((await retrying.read('data', sha256(bytes))).equals(bytes)).toBe(true);
    const folder = join(server.folder, 'repository', 'data', sha256(bytes).slice(0, 2));
    expect(await readdir(folder)).toEqual([sha256(bytes)]);
    expect((await readFile(join(folder, sha256(bytes)))).equals(bytes)).toBe(true);
  });
});

/** Hands bytes on until the client has sent so many, then cuts. */
function pass(client: Socket, port: number, budget: number): void {
  const server = connect({ port, host: '127.0.0.1' });
  let left = budget;
  for (const socket of [client, server]) {
    socket
      .on('error', () => undefined)
      .on('close', () => {
        client.destroy();
        server.destroy();
      });
  }
  server.pipe(client);
  client.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left <= 0) client.destroy();
    else if (!server.write(chunk)) {
      client.pause();
      server.once('drain', () => client.resume());
    }
  });
}
