import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RestStorage } from '../../../../agent/repository/storage/rest.ts';
import { testBytes } from '../../../helpers/byte-sources.ts';
import { answering, listening, names } from '../../../helpers/rest-answers.ts';
import { restStorageOn } from '../../../helpers/repository-server.ts';
import { silentServer } from '../../../helpers/sshd.ts';

const MiB = 1024 * 1024;
const name = 'ab'.repeat(32);
describe('a REST server that refuses', () => {
  it.each([
    [301, 'storageDenied'],
    [400, 'storageFailed'],
    [401, 'storageDenied'],
    [403, 'storageDenied'],
    [404, 'notFound'],
    [405, 'storageDenied'],
    [413, 'storageDenied'],
    [416, 'repositoryDamaged'],
    [429, 'storageFailed'],
    [500, 'storageFailed'],
    [503, 'storageFailed'],
    [507, 'storageFull'],
  ])('answers %i: %s', async (status, code) => {
    const { server, storage } = await answering((_, response) =>
      response.writeHead(status, { Location: 'http://169.254.169.254/' }).end('because\u001B[31m\nso'),
    );
    const error: unknown = await storage.read('data', name).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain('\u001B');
    expect(server.requests.length).toBe(1);
  });

  it('takes a file of the same size under a taken name for the same file', async () => {
    const { server, storage } = await answering(({ method }, response) =>
      method === 'POST' ? response.writeHead(403).end() : response.setHeader('Content-Length', 3).end(),
    );
    await storage.write('data', name, [Buffer.from('abc')]);
    expect(server.asked).toEqual([`POST /repository/data/${name}`, `HEAD /repository/data/${name}`]);
  });

  it('replaces a torn file under a taken name', async () => {
    let isThere = true;
    const { server, storage } = await answering(({ method }, response) => {
      if (method === 'DELETE') isThere = false;
      if (method === 'POST') response.statusCode = isThere ? 403 : 200;
      if (method === 'HEAD') response.setHeader('Content-Length', 2);
      response.end();
    });
    await storage.write('data', name, [Buffer.from('abc')]);
    expect(server.requests.map(({ method }) => method)).toEqual(['POST', 'HEAD', 'DELETE', 'POST']);
    expect(server.requests[3]?.body.toString()).toBe('abc');
  });

  it('never replaces another config', async () => {
    const { server, storage } = await answering(({ method }, response) => {
      if (method === 'POST') response.writeHead(403).end();
      else response.end('theirs');
    });
    await expect(storage.writeConfig(Buffer.from('our___'))).rejects.toMatchObject({ code: 'storageDenied' });
    await storage.writeConfig(Buffer.from('theirs'));
    expect(server.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'POST', 'GET']);
  });

  it('hears an answer that comes before everything was sent', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!'));
    });
    const storage = restStorageOn({ url: await listening(server), fingerprint: undefined });
    const write = storage.write('data', name, [testBytes(64 * MiB, 1)]);
    await expect(write).rejects.toMatchObject({ code: 'storageDenied', message: /413.*no!/u });
  });

  it('does not believe a success that comes before everything was sent', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    });
    const storage = restStorageOn({ url: await listening(server), fingerprint: undefined });
    const write = storage.write('data', name, [testBytes(64 * MiB, 1)]);
    await expect(write).rejects.toMatchObject({ code: 'storageFailed' });
  });
});

describe('a REST server that answers nonsense', () => {
  it.each<[string, string, string]>([
    ['another part', 'HTTP/1.1 206 P\r\nContent-Range: bytes 5-7/9\r\nContent-Length: 3\r\n\r\nabc', 'storageFailed'],
    ['too much', 'HTTP/1.1 206 P\r\nContent-Range: bytes 4-9/9\r\nContent-Length: 5\r\n\r\nabcde', 'storageFailed'],
    ['too little', 'HTTP/1.1 206 P\r\nContent-Range: bytes 4-5/6\r\nContent-Length: 2\r\n\r\nab', 'repositoryDamaged'],
    ['nothing, as rclone does', 'HTTP/1.1 206 P\r\nContent-Length: 0\r\n\r\n', 'repositoryDamaged'],
    ['everything', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcdefghi', 'unsupported'],
    ['a part that breaks off', 'HTTP/1.1 206 P\r\nContent-Length: 3\r\n\r\nab', 'storageFailed'],
    ['an endless part', `HTTP/1.1 206 P\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabcdefghi\r\n`, 'storageFailed'],
    ['a packed part', 'HTTP/1.1 206 P\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc', 'storageFailed'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'storageFailed'],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(10_000)}`, 'storageFailed'],
    ['a change of protocol', 'HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', 'storageFailed'],
    ['only that it goes on', 'HTTP/1.1 100 Continue\r\n\r\n', 'storageFailed'],
  ])('%s', async (_label, text, code) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      socket.end(text);
    });
    const storage = restStorageOn({ url: await listening(server), fingerprint: undefined }, { stallMs: 5000 });
    const read = storage.read('data', name, { offset: 4, length: 3 });
    await expect(read).rejects.toMatchObject({ code });
  });

  it('announces more than any file has', async () => {
    const { storage } = await answering((_, response) => {
      response.writeHead(200, { 'Content-Length': 2 ** 40 });
      response.write('x');
    });
    await expect(storage.read('data', name)).rejects.toMatchObject({ code: 'storageFailed' });
    await expect(storage.readConfig()).rejects.toMatchObject({ code: 'storageFailed' });
  });
});

describe('a REST server that stands still', () => {
  const stallMs = 300;

  it('never answers', async () => {
    const url = `http://127.0.0.1:${await silentServer()}/`;
    const storage = new RestStorage({ url, stallMs });
    await expect(storage.write('lock', name, [Buffer.from('x')])).rejects.toMatchObject({ code: 'storageFailed' });
    await expect(storage.isEmpty()).rejects.toMatchObject({ code: 'storageFailed' });
    await storage.close();
  });

  it('never takes the body', async () => {
    const server = createServer((socket) => void socket.pause().on('error', () => undefined));
    const storage = restStorageOn({ url: await listening(server), fingerprint: undefined }, { stallMs });
    const write = storage.write('data', name, [testBytes(32 * MiB, 1)]);
    await expect(write).rejects.toMatchObject({ code: 'storageFailed', message: /nothing moved/u });
  });

  it('never finishes the TLS handshake', async () => {
    const url = `https://127.0.0.1:${await silentServer()}/`;
    const storage = new RestStorage({ url, dialTimeoutMs: 300 });
    await expect(storage.isEmpty()).rejects.toMatchObject({ code: 'storageFailed' });
  });

  it('stops in the middle of a file and of a listing', async () => {
    const { storage } = await answering(
      ({ url }, response) => {
        if (url.includes('data')) response.writeHead(200, { 'Content-Length': 10 }).write('abc');
        else response.writeHead(200).write('[{"name":"x","size":1},');
      },
      { stallMs },
    );
    const stalled = { code: 'storageFailed', message: expect.stringContaining('nothing moved') as string };
    await expect(storage.read('data', name)).rejects.toMatchObject(stalled);
    await expect(names(storage)).rejects.toMatchObject(stalled);
  });

  it('is not blamed while the reader of a listing takes its time', async () => {
    const { storage } = await answering(
      (_, response) => response.end(`[{"name":"${name}","size":1},{"name":"${name}","size":2}]`),
      { stallMs: 100 },
    );
    const sizes: number[] = [];
    for await (const file of storage.list('data')) {
      sizes.push(file.sizeBytes);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect(sizes).toEqual([1, 2]);
  });

  it('is left alone when the storage is closed, and connected to again afterwards', async () => {
    let isSilent = true;
    const { server, storage } = await answering((_, response) => {
      if (!isSilent) response.writeHead(404).end();
    });
    const read = expect(storage.read('data', name)).rejects.toMatchObject({ code: 'storageFailed' });
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await storage.close();
    await read;
    isSilent = false;
    expect(await storage.readConfig()).toBeUndefined();
    const dialling = new RestStorage({ url: `https://127.0.0.1:${await silentServer()}/` });
    const failed = expect(dialling.isEmpty()).rejects.toMatchObject({ code: 'storageFailed' });
    await dialling.close();
    await failed;
  });
});
