import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { Sessions } from '../../engine/api/sessions.ts';
import { startHttpServer } from '../../engine/server/http-server.ts';
import { engineContract } from '../../shared/contract/engine/all.ts';
import { loadOrCreateIdentity } from '../../shared/node/tls.ts';
import { webSocketChannel } from '../../shared/node/websocket-channel.ts';
import { maxMessageBytes } from '../../shared/rpc/channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { engineParts } from '../helpers/engine-parts.ts';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

let port: number;
let sessions: Sessions;

beforeEach(async () => {
  const core = await engineParts();
  const pageFolder = join(core.folder, 'page');
  await mkdir(join(pageFolder, 'assets'), { recursive: true });
  await writeFile(join(pageFolder, 'index.html'), '<p nonce="__CSP_NONCE__">page</p>');
  await writeFile(join(pageFolder, 'assets', 'main.js'), 'script');
  await writeFile(join(pageFolder, 'outside.js'), 'outside');
  sessions = new Sessions(core.db);
  await sessions.createAdministrator('correct horse');
  const identity = await loadOrCreateIdentity(core.folder, 'engine');
  const server = await startHttpServer({
    core,
    sessions,
    address: { host: '127.0.0.1', port: 0 },
    pageFolder,
    identity,
  });
  ({ port } = server);
  onTestFinished(() => server.close());
});

/** A request exactly as given: the path is not normalised. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
}

/** Status of an upgrade to a WebSocket; 101 when it is open. */
async function upgrade(headers: Record<string, string>, path = '/rpc'): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  onTestFinished(() => socket.terminate());
  return new Promise((resolve) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => undefined);
  });
}

const signIn = async () => (await sessions.signIn('admin', 'correct horse', '::1')).principal.token;
const own = () => `127.0.0.1:${port}`;

describe('the page', () => {
  test('comes under its policy for every deep address, and is never kept', async () => {
    for (const path of ['/', '/administration/clients?x=1']) {
      const { status, headers, body } = await ask(path);
      expect([status, headers['cache-control'], headers['x-content-type-options']]).toEqual([
        200,
        'no-store',
        'nosniff',
      ]);
      const nonce = /nonce="([^"]+)"/u.exec(body)?.[1] ?? 'none';
      expect(headers['content-security-policy']).toContain(`'nonce-${nonce}'`);
    }
    expect(await ask('/assets/main.js')).toMatchObject({ status: 200, body: 'script' });
  });

  test.each([
    '/assets/../outside.js',
    '/assets/..%2foutside.js',
    '/assets/%2e%2e/outside.js',
    '/assets/..%2f..%2fholdfast.db',
    '/assets/%',
    '/assets/%00',
    '/assets/',
    '//',
    'http://elsewhere/assets/main.js',
    '/../../../etc/passwd',
  ])('%s leads nowhere', async (path) => {
    const { status, body } = await ask(path);
    expect(body).not.toMatch(/outside|SQLite|root:/u);
    expect([200, 400, 404]).toContain(status);
    if (status === 200) expect(body).toContain('page');
  });

  test('is read only', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect((await ask('/', {}, method)).status).toBe(405);
  });
});

describe('a foreign page in the operator’s browser', () => {
  test.each(['evil.example', 'evil.example:80', 'localhost.evil.example', '127.0.0.1.evil.example', '192.168.0.1'])(
    'under the host name %j is misdirected',
    async (host) => {
      expect((await ask('/', { host })).status).toBe(421);
      expect(await upgrade({ host })).toBe(421);
    },
  );

  test('reaches us by the names of this computer', async () => {
    for (const host of [own(), `localhost:${port}`, `[::1]:${port}`])
      expect((await ask('/', { host })).status).toBe(200);
  });

  test.each(['https://evil.example', 'null', 'http://127.0.0.1:1', 'http://[', 'file://', 'x'])(
    'from the origin %j may neither post nor connect',
    async (origin) => {
      const token = await signIn();
      const headers = { origin, cookie: `holdfast-session=${token}` };
      expect((await ask('/session', headers, 'DELETE')).status).toBe(403);
      expect((await ask('/session', { origin, authorization: `Bearer ${token}` }, 'POST')).status).toBe(403);
      expect(await upgrade(headers)).toBe(403);
    },
  );

  test('may link to us, but not load from us', async () => {
    const cross = { 'sec-fetch-site': 'cross-site' };
    const link = { ...cross, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect((await ask('/', link)).status).toBe(200);
    expect((await ask('/session', link, 'POST')).status).toBe(403);
    expect((await ask('/', { ...cross, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' })).status).toBe(403);
    expect((await ask('/assets/main.js', { ...cross, 'sec-fetch-mode': 'no-cors' })).status).toBe(403);
    expect(await upgrade(cross)).toBe(403);
  });
});

describe('the session', () => {
  test('is a cookie that scripts cannot read, for a token that lives', async () => {
    const token = await signIn();
    const origin = `http://${own()}`;
    const kept = await ask('/session', { origin, authorization: `Bearer ${token}` }, 'POST');
    expect(kept.status).toBe(204);
    const [cookie] = kept.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^holdfast-session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/u);
    expect((await ask('/session', { origin }, 'DELETE')).headers['set-cookie']?.[0]).toContain('Max-Age=0');
  });

  test.each(['', 'Bearer', 'Bearer short', `Bearer ${'a'.repeat(43)}`, `Basic ${'a'.repeat(43)}`])(
    'is not opened with %j',
    async (authorization) => {
      const { status, headers } = await ask('/session', { authorization }, 'POST');
      expect([status, headers['set-cookie']]).toEqual([401, undefined]);
    },
  );
});

async function console_(headers: Record<string, string> = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/rpc`, { headers });
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  const channel = webSocketChannel(socket);
  const peer = new Peer(channel, engineContract, () => Promise.reject(new Error('nothing here')));
  return { socket, peer, ended: new Promise<string>((resolve) => channel.onClose(resolve)) };
}

describe('the socket', () => {
  test('is signed in by cookie or bearer token, else a stranger', async () => {
    const token = await signIn();
    const signedIn = [{ cookie: `a=b; holdfast-session=${token}` }, { authorization: `Bearer ${token}` }];
    for (const headers of signedIn) {
      const { peer } = await console_({ ...headers, origin: `http://${own()}` });
      expect(await peer.call('session.get', {})).toMatchObject({ user: { name: 'admin' } });
      expect(await peer.call('tasks.list', {})).toMatchObject({ total: 0 });
    }
    for (const headers of [{}, { cookie: `holdfast-session=${token.slice(1)}x` }]) {
      const { peer } = await console_(headers);
      expect(await peer.call('session.get', {})).toMatchObject({ user: null });
      await expect(peer.call('tasks.list', {})).rejects.toMatchObject({ code: 'notSignedIn' });
    }
  });

  test('signs in and out on the way', async () => {
    const { peer } = await console_();
    await expect(peer.call('session.signIn', { user: 'admin', password: 'wrong' })).rejects.toMatchObject({
      code: 'wrongCredentials',
    });
    await peer.call('session.signIn', { user: 'admin', password: 'correct horse' });
    expect(await peer.call('tasks.list', {})).toMatchObject({ rows: [] });
    await peer.call('session.signOut', {});
    await expect(peer.call('tasks.list', {})).rejects.toMatchObject({ code: 'notSignedIn' });
  });

  test('is at /rpc only', async () => {
    for (const path of ['/', '/agent', '/rpc/', '/rpc?x=1', '/assets/main.js'])
      expect(await upgrade({}, path)).toBe(404);
  });

  test.for([
    ['not JSON', '{"jsonrpc":'],
    ['an array', '[]'],
    ['JSON, but no JSON-RPC', '{"hello":1}'],
    ['binary', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"session.get"}')],
    ['over 1 MiB', JSON.stringify({ pad: 'a'.repeat(maxMessageBytes) })],
    ['a cancel of nothing', '{"jsonrpc":"2.0","method":"$/cancelRequest"}'],
  ] as Array<[string, string | Buffer]>)(
    'that sends a frame that is %s is closed, and nobody else',
    async ([, frame]) => {
      const [good, bad] = [await console_(), await console_()];
      bad.socket.send(frame);
      expect(await bad.ended).not.toBe('');
      expect(await good.peer.call('session.get', {})).toMatchObject({ user: null });
    },
  );

  test('an unknown method and wrong parameters get a clear error', async () => {
    const { peer, socket } = await console_();
    const answer = new Promise<string>((resolve) => socket.on('message', (data: Buffer) => resolve(data.toString())));
    socket.send('{"jsonrpc":"2.0","id":"x","method":"constructor","params":[{},null]}');
    expect(await answer).toContain('"code":"unknownMethod"');
    await expect(peer.call('session.signIn', { user: '', password: 'x' })).rejects.toMatchObject({
      code: 'invalidValue',
      field: 'user',
    });
  });
});

test('bytes that are no HTTP do not end the server', async () => {
  for (const bytes of [
    '\0\x01\x02\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'GET /rpc HTTP/1.1\r\nUpgrade: websocket\r\n\r\n',
  ]) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(bytes);
    socket.resume();
    await once(socket, 'close');
  }
  expect((await ask('/')).status).toBe(200);
});
