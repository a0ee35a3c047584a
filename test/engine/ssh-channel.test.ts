import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientChannel } from 'ssh2';
import { afterAll, beforeAll, describe } from 'vitest';
import { initAgent } from '../../agent/identity.ts';
import { dialSsh, type SshLine } from '../../shared/node/ssh-dial.ts';
import { streamChannel } from '../../shared/node/stream-channel.ts';
import { badFrames } from '../helpers/bad-frames.ts';
import { checkout, compileCache } from '../helpers/sources.ts';
import { missingSshd, TestSshd } from '../helpers/sshd.ts';
import { channelSuite } from '../suites/channel-suite.ts';

describe.skipIf(missingSshd !== undefined)('the line of an engine to an agent', () => {
  let folder: string;
  let sshd: TestSshd;
  /** Stands in for the agent at its socket; the bridge to it is the real one. */
  let agent: Server;
  let line: SshLine;
  let command: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    sshd = await TestSshd.open(folder);
    await initAgent({ folder: join(folder, 'agent'), name: 'agent', manager: undefined });
    agent = createServer().listen(join(folder, 'agent', 'agent.sock'));
    await once(agent, 'listening');
    const stdio = `${process.execPath} ${checkout}/agent/main.ts stdio --data ${join(folder, 'agent')}`;
    command = `NODE_COMPILE_CACHE=${compileCache} ${stdio}`;
    const login = { host: '127.0.0.1', port: sshd.port, user: sshd.user, timeoutMs: 10_000 };
    const privateKey = await readFile(sshd.path('id'), 'utf8');
    const hostKey = await sshd.fingerprint();
    line = await dialSsh({ ...login, hostKey, privateKey }, new AbortController().signal);
  });
  afterAll(async () => {
    line.client.end();
    agent.close();
    await sshd.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function connect() {
    const accepted = once(agent, 'connection') as Promise<[Socket]>;
    const stream = await new Promise<ClientChannel>((resolve, reject) => {
      line.client.exec(command, (error, opened) => (error === undefined ? resolve(opened) : reject(error)));
    });
    const [raw] = await accepted;
    const close = async () => {
      raw.destroy();
      if (!stream.destroyed) await once(stream, 'close');
    };
    return { left: streamChannel(stream), right: streamChannel(raw), raw, close };
  }

  channelSuite(
    'sshd, agent stdio and the agent’s socket',
    connect,
    Object.fromEntries(Object.entries(badFrames).map(([name, bytes]) => [name, (raw: Socket) => raw.write(bytes)])),
  );
});
