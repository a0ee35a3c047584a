import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import '../../shared/node/rpc-runtime.ts';
import { claimFolder, socketPath } from '../../agent/alive-socket.ts';
import type { AgentContext } from '../../agent/api/context.ts';
import { type AgentIdentity, initAgent } from '../../agent/identity.ts';
import { SocketLink } from '../../agent/link/socket-link.ts';
import { Upstream } from '../../agent/link/upstream.ts';
import { introduce } from '../../engine/agents/ssh/ssh-admission.ts';
import { agentContract } from '../../shared/contract/agent/all.ts';
import { linkContract } from '../../shared/contract/agent/link.ts';
import { type Hello, helloSchema } from '../../shared/contract/manager/all.ts';
import { AppError } from '../../shared/errors.ts';
import { streamChannel } from '../../shared/node/stream-channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { silentLog } from '../helpers/engine-parts.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const engineUuid = '0e0e0e0e-0000-4000-8000-000000000000';
const manager = { url: 'wss://engine.example:9443/agent', fingerprint: `SHA256:${'A'.repeat(43)}` };

/** An agent at its socket, without jobs. */
async function startAgent(dialled?: typeof manager): Promise<AgentIdentity> {
  const folder = join(await temporaryFolder(), 'agent');
  const identity = await initAgent({ folder, name: 'node1', manager: dialled });
  const claim = await claimFolder(folder, identity.config.hwid);
  const link = new SocketLink(identity, claim, new Upstream(identity, silentLog), silentLog);
  const runner = { openJobs: () => [], reportAll: async () => undefined } as unknown as AgentContext['runner'];
  const running = link.run({ runner } as AgentContext);
  onTestFinished(async () => {
    link.stop();
    await running;
    await claim.release();
  });
  return identity;
}

interface Engine {
  peer: Peer<typeof agentContract & typeof linkContract>;
  hello: Promise<Hello>;
  ended: Promise<string>;
}

/** What comes to the socket; one that is dead answers nothing after its greeting. */
function comeTo({ folder, config }: AgentIdentity, isDead = false): Engine {
  const channel = streamChannel(connect(socketPath(folder, config.hwid)));
  onTestFinished(() => channel.close());
  const said = Promise.withResolvers<Hello>();
  const peer = new Peer(channel, { ...agentContract, ...linkContract }, async (method, params) => {
    if (method === 'hello') {
      said.resolve(helloSchema.parse(params));
      return { state: 'authorized', engineUuid, contract: 1 };
    }
    if (isDead) return new Promise(() => undefined);
    if (method === 'manager.ping') return {};
    throw new AppError('unknownMethod', method);
  });
  return { peer, hello: said.promise, ended: new Promise((resolve) => channel.onClose(resolve)) };
}

const nonce = () => randomBytes(32).toString('base64');

async function greeted(identity: AgentIdentity, isDead = false): Promise<Engine> {
  const engine = comeTo(identity, isDead);
  await engine.peer.call('link.challenge', { nonce: nonce() });
  await engine.hello;
  return engine;
}

test('says hello with a proof for exactly this nonce, and then takes calls', async () => {
  const identity = await startAgent();
  const { peer, hello } = comeTo(identity);
  await expect(peer.call('agent.ping', {})).rejects.toMatchObject({ code: 'noRight' });
  const asked = nonce();
  await peer.call('link.challenge', { nonce: asked });
  const said = await hello;
  expect(introduce(said, asked, 'here')).toMatchObject({
    hwid: identity.config.hwid,
    signKey: identity.publicSignKey,
    fingerprint: identity.tls.fingerprint,
  });
  expect(() => introduce(said, nonce(), 'here')).toThrow(expect.objectContaining({ code: 'certificateMismatch' }));
  expect(await peer.call('agent.ping', {})).toEqual({});
  await expect(peer.call('link.challenge', { nonce: asked })).rejects.toMatchObject({ code: 'invalidValue' });
});

test.each(['', 'short', Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64')])(
  'signs nothing but 32 bytes: %j',
  async (bad) => {
    const { peer } = comeTo(await startAgent());
    await expect(peer.call('link.challenge', { nonce: bad })).rejects.toMatchObject({ field: 'nonce' });
  },
);

test('keeps its engine while that lives', async () => {
  const identity = await startAgent();
  const first = await greeted(identity);
  const second = comeTo(identity);
  await expect(second.peer.call('link.challenge', { nonce: nonce() })).rejects.toMatchObject({ code: 'agentInUse' });
  expect(await first.peer.call('agent.ping', {})).toEqual({});
  first.peer.close();
  await vi.waitFor(() => greeted(identity));
});

test('an engine that is silent for 3 s gives way to the next; of two that come at once one is taken', async () => {
  const identity = await startAgent();
  const dead = await greeted(identity, true);
  const startedAt = Date.now();
  const two = await Promise.allSettled([greeted(identity), greeted(identity)]);
  expect(two.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(Date.now() - startedAt).toBeGreaterThan(2900);
  await dead.ended;
});

test('an agent that dials a manager refuses who comes, and says where it belongs', async () => {
  const { peer } = comeTo(await startAgent(manager));
  const refused = peer.call('link.challenge', { nonce: nonce() });
  await expect(refused).rejects.toMatchObject({
    code: 'agentInUse',
    message: expect.stringContaining(manager.url) as string,
  });
});

test('does not hold more strangers than it needs', async () => {
  const identity = await startAgent();
  const strangers = Array.from({ length: 20 }, () => comeTo(identity));
  const reasons = await Promise.all(strangers.slice(16).map(({ ended }) => ended));
  expect(reasons).toHaveLength(4);
});
