import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import '../../shared/node/rpc-runtime.ts';
import { findRunningEngine } from '../../engine/data-folder.ts';
import { type Engine, startEngine } from '../../engine/engine.ts';
import { keptPort } from '../../engine/kept-port.ts';
import { engineContract } from '../../shared/contract/engine/all.ts';
import { listen } from '../../shared/node/listen.ts';
import { memoryPair } from '../../shared/rpc/memory-channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { engineParts } from '../helpers/engine-parts.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

process.env['HOLDFAST_LOG_LEVEL'] = 'silent';

function options(dataFolder: string) {
  const agentListen = { host: '127.0.0.1', port: 0 };
  return { dataFolder, listen: undefined, agentListen, pageFolder: '', agentCommand: undefined, embedded: true };
}

function consoleOf(engine: Engine) {
  const [left, right] = memoryPair();
  engine.acceptConsole(left);
  return new Peer(right, engineContract, () => Promise.reject(new Error('nothing here')));
}

test('an embedded engine: first password by token, one engine per folder, the same ports and users next time', async () => {
  const folder = join(await temporaryFolder(), 'data');
  const first = await startEngine(options(folder));
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect(JSON.parse(await readFile(join(folder, 'engine.json'), 'utf8'))).toMatchObject({
    pid: process.pid,
    url: null,
  });
  expect(await findRunningEngine(folder)).toMatchObject({ pid: process.pid });
  const peer = consoleOf(first);
  expect(await peer.call('session.get', {})).toMatchObject({ needsFirstPassword: true, embedded: true, user: null });
  const token = first.firstToken ?? '';
  await peer.call('session.setFirstPassword', { token, password: 'correct horse' });
  expect(await peer.call('session.get', {})).toMatchObject({ needsFirstPassword: false, user: { role: 'owner' } });
  const { agentUrl } = first.core.addresses;
  await first.stop();
  expect(await findRunningEngine(folder)).toBeUndefined();

  const second = await startEngine(options(folder));
  onTestFinished(() => second.stop());
  expect(second.firstToken).toBeUndefined();
  expect(second.core.addresses.agentUrl).toBe(agentUrl);
  expect(second.core.engineUuid).toBe(first.core.engineUuid);
  expect(second.core.fingerprint).toBe(first.core.fingerprint);
  const again = consoleOf(second);
  await again.call('session.signIn', { user: 'admin', password: 'correct horse' });
});

test('a kept port that another program took moves only where it may', async () => {
  const { db } = await engineParts();
  const blocker = createServer();
  const taken = await listen(blocker, { host: '127.0.0.1', port: 0 }, '--listen');
  onTestFinished(() => void blocker.close());
  const start = async (address: { host: string; port: number }) => {
    const server = createServer();
    const port = await listen(server, address, '--listen');
    onTestFinished(() => void server.close());
    return { port };
  };
  const any = { host: '127.0.0.1', port: 0 };
  await expect(keptPort(db, 'agentPort', { ...any, port: taken }, true, start)).rejects.toMatchObject({
    code: 'portInUse',
  });
  await keptPort(db, 'agentPort', any, true, async () => ({ port: taken }));
  await expect(keptPort(db, 'agentPort', any, false, start)).rejects.toMatchObject({ code: 'portInUse' });
  const moved = await keptPort(db, 'agentPort', any, true, start);
  expect(moved.port).not.toBe(taken);
});
