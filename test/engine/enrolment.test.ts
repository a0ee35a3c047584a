import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type AgentIdentity, initAgent, loadAgent } from '../../agent/identity.ts';
import { dial } from '../../agent/link/dial.ts';
import { listenForAgents } from '../../engine/agents/listener.ts';
import type { ClientRow } from '../../engine/database/clients.ts';
import { decideClient, listClients } from '../../engine/database/clients.ts';
import { listLogs } from '../../engine/database/logs.ts';
import { agentContract } from '../../shared/contract/agent/all.ts';
import { type Hello, managerContract, type ManagerContract } from '../../shared/contract/manager/all.ts';
import { AppError, hasCode } from '../../shared/errors.ts';
import { loadOrCreateIdentity, type TlsIdentity } from '../../shared/node/tls.ts';
import { webSocketChannel } from '../../shared/node/websocket-channel.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { maxMessageBytes } from '../../shared/rpc/channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { engineParts, type EngineParts } from '../helpers/engine-parts.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

let parts: EngineParts;
let tls: TlsIdentity;
let port: number;
let localFingerprint: string | undefined;
const events = { connected: vi.fn(), disconnected: vi.fn(), reported: vi.fn(), progressed: vi.fn() };

beforeEach(async () => {
  parts = await engineParts();
  tls = await loadOrCreateIdentity(parts.folder, 'engine');
  localFingerprint = undefined;
  for (const event of Object.values(events)) event.mockReset().mockResolvedValue(undefined);
  const deps = { ...parts, events, localFingerprint: () => localFingerprint };
  const listener = await listenForAgents(deps, tls, { host: '127.0.0.1', port: 0 });
  ({ port } = listener);
  onTestFinished(async () => {
    await parts.registry.closeAll('the test ends');
    await listener.close();
  });
});

async function newAgent(name = 'agent'): Promise<AgentIdentity> {
  const folder = join(await temporaryFolder(), 'agent');
  return initAgent({ folder, name, manager: { url: url(), fingerprint: tls.fingerprint } });
}

const url = () => `wss://127.0.0.1:${port}/agent`;

interface Dialled {
  peer: Peer<ManagerContract>;
  socket: WebSocket;
  ended: Promise<string>;
}

/** An agent that answers pings, unless it is silent. */
async function connect(identity: AgentIdentity, isSilent = false): Promise<Dialled> {
  const socket = await dial(identity, { url: url(), fingerprint: tls.fingerprint });
  onTestFinished(() => socket.terminate());
  const contract = { 'agent.ping': agentContract['agent.ping'] };
  const ping = () => (isSilent ? new Promise<object>(() => undefined) : Promise.resolve({}));
  const dispatch = createDispatcher<typeof contract, null>(contract, { 'agent.ping': ping }, () => undefined);
  const channel = webSocketChannel(socket);
  const peer = new Peer(channel, managerContract, (name, params, control) => dispatch(name, params, null, control));
  return { peer, socket, ended: new Promise((resolve) => channel.onClose(resolve)) };
}

function helloOf(identity: AgentIdentity, changes: Partial<Hello> = {}): Hello {
  const { name, hwid } = identity.config;
  const constant = { contract: 1, version: '0.1.0', system: 'test', capabilities: [], jobs: [] };
  return { ...constant, name, hwid, signKey: identity.publicSignKey, ...changes };
}

async function onlyClient(): Promise<ClientRow> {
  const rows = await listClients(parts.db);
  expect(rows).toHaveLength(1);
  const [row] = rows;
  if (row === undefined) throw new Error('no client');
  return row;
}

async function authorized(identity: AgentIdentity): Promise<number> {
  const first = await connect(identity);
  await first.peer.call('hello', helloOf(identity));
  const { id } = await onlyClient();
  await decideClient(parts.db, id, 'authorized', 'admin');
  first.peer.close();
  await vi.waitFor(() => expect(parts.registry.find(id) === undefined).toBe(true));
  return id;
}

const progress = {
  jobUuid: '00000000-0000-4000-8000-000000000000',
  step: 'preparing' as const,
  bytesTotal: null,
  bytesDone: 0,
  bytesRead: 0,
  bytesStored: 0,
  disks: [],
};

describe('a stranger', () => {
  test('is recorded as unauthorized and may say hello only', async () => {
    const identity = await newAgent();
    const { peer } = await connect(identity);
    await expect(peer.call('progress.report', { progress })).rejects.toMatchObject({ code: 'clientUnauthorized' });
    expect(await peer.call('hello', helloOf(identity))).toMatchObject({ state: 'unauthorized', contract: 1 });
    await expect(peer.call('progress.report', { progress })).rejects.toMatchObject({ code: 'clientUnauthorized' });
    expect(await onlyClient()).toMatchObject({
      hwid: identity.config.hwid,
      fingerprint: identity.tls.fingerprint,
      decision: 'unauthorized',
    });
    expect(events.connected).not.toHaveBeenCalled();
    expect(events.progressed).not.toHaveBeenCalled();
    expect(parts.registry.onlineIds()).toEqual([]);
  });

  test('has one hello per connection, well-formed or not', async () => {
    const identity = await newAgent();
    const { peer } = await connect(identity);
    const two = await Promise.allSettled([
      peer.call('hello', helloOf(identity)),
      peer.call('hello', helloOf(identity)),
    ]);
    expect(two.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const other = await connect(identity);
    await expect(other.peer.call('hello', helloOf(identity, { hwid: 'abc' }))).rejects.toMatchObject({
      code: 'invalidValue',
      field: 'hwid',
    });
  });

  test('without a certificate does not get to a hello', async () => {
    const socket = new WebSocket(url(), { rejectUnauthorized: false });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('401');
  });

  test('that speaks another contract is refused, but remembered', async () => {
    const identity = await newAgent();
    const { peer } = await connect(identity);
    await expect(peer.call('hello', helloOf(identity, { contract: 7 }))).rejects.toMatchObject({
      code: 'incompatible',
    });
    expect(await onlyClient()).toMatchObject({ contract: 7 });
    expect(parts.registry.find((await onlyClient()).id) === undefined).toBe(true);
  });
});

describe('an authorized client', () => {
  test('is online while it is connected, and its reports are passed on', async () => {
    const identity = await newAgent();
    const id = await authorized(identity);
    const { peer } = await connect(identity);
    const jobs = [{ jobUuid: progress.jobUuid, state: 'running' as const, step: null }];
    expect(await peer.call('hello', helloOf(identity, { jobs }))).toMatchObject({ state: 'authorized' });
    expect(events.connected).toHaveBeenCalledWith(id, jobs);
    expect(parts.registry.isOnline(id)).toBe(true);
    await peer.call('progress.report', { progress });
    expect(events.progressed).toHaveBeenCalledWith(id, progress);
    events.progressed.mockRejectedValue(new AppError('noRight', 'not yours'));
    await expect(peer.call('progress.report', { progress })).rejects.toMatchObject({ code: 'noRight' });
    peer.close();
    await vi.waitFor(() => expect(events.disconnected).toHaveBeenCalledWith(id));
    expect(parts.registry.isOnline(id)).toBe(false);
  });

  test('with another certificate is refused, and the pinned one still works', async () => {
    const identity = await newAgent();
    const id = await authorized(identity);
    const thief = await newAgent('thief');
    const { peer } = await connect(thief);
    await expect(peer.call('hello', helloOf(thief, { hwid: identity.config.hwid }))).rejects.toMatchObject({
      code: 'certificateMismatch',
    });
    // A refusal is written down once per connection: whoever asks again and again must not fill the log.
    await expect(peer.call('hello', helloOf(thief, { hwid: identity.config.hwid }))).rejects.toMatchObject({
      code: 'invalidValue',
    });
    await expect(peer.call('progress.report', { progress })).rejects.toMatchObject({ code: 'clientUnauthorized' });
    const client = await onlyClient();
    expect(client.fingerprint).toBe(identity.tls.fingerprint);
    expect(client.last_error).toContain('another certificate');
    const { rows } = await listLogs(parts.db, { level: ['error'], limit: 10, offset: 0 });
    expect(rows).toMatchObject([{ source: 'security', code: 'certificateMismatch', clientId: id }]);
    const own = await connect(identity);
    expect(await own.peer.call('hello', helloOf(identity))).toMatchObject({ state: 'authorized' });
  });

  test('whose data folder was copied is refused while the first lives', async () => {
    const identity = await newAgent();
    const id = await authorized(identity);
    const first = await connect(identity);
    await first.peer.call('hello', helloOf(identity));
    const copied = join(await temporaryFolder(), 'copy');
    await cp(identity.folder, copied, { recursive: true });
    const copy = await loadAgent(copied);
    const second = await connect(copy);
    await expect(second.peer.call('hello', helloOf(copy))).rejects.toMatchObject({ code: 'duplicateHwid' });
    expect(parts.registry.isOnline(id)).toBe(true);
    await first.peer.call('progress.report', { progress });
  });

  test('that was cut off takes over from its dead link, in order', async () => {
    const identity = await newAgent();
    const id = await authorized(identity);
    const dead = await connect(identity, true);
    await dead.peer.call('hello', helloOf(identity));
    const order: string[] = [];
    events.disconnected.mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      order.push('disconnected');
    });
    events.connected.mockImplementation(async () => order.push('connected'));
    const fresh = await connect(identity);
    expect(await fresh.peer.call('hello', helloOf(identity))).toMatchObject({ state: 'authorized' });
    expect(await dead.ended).toContain('took over');
    expect(order).toEqual(['disconnected', 'connected']);
    expect(parts.registry.isOnline(id)).toBe(true);
  });

  test('that leaves while it is greeted is not online', async () => {
    const identity = await newAgent();
    const id = await authorized(identity);
    const { peer, socket } = await connect(identity);
    events.connected.mockImplementation(async () => {
      socket.terminate();
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    await expect(peer.call('hello', helloOf(identity))).rejects.toMatchObject({ code: 'connectionLost' });
    await vi.waitFor(() => expect(events.disconnected).toHaveBeenCalledWith(id));
    expect(parts.registry.find(id) === undefined).toBe(true);
  });

  test('that was removed is told so, until it is authorized again', async () => {
    const identity = await newAgent();
    const id = await authorized(identity);
    await decideClient(parts.db, id, 'removed', 'admin');
    const { peer } = await connect(identity);
    await expect(peer.call('hello', helloOf(identity))).rejects.toMatchObject({ code: 'clientRemoved' });
    await expect(peer.call('progress.report', { progress })).rejects.toMatchObject({ code: 'clientUnauthorized' });
    await decideClient(parts.db, id, 'authorized', 'admin');
    const again = await connect(identity);
    expect(await again.peer.call('hello', helloOf(identity))).toMatchObject({ state: 'authorized' });
  });
});

test('the agent this engine started itself needs no click; one with its HWID does not get in', async () => {
  const identity = await newAgent();
  localFingerprint = identity.tls.fingerprint;
  const { peer } = await connect(identity);
  expect(await peer.call('hello', helloOf(identity))).toMatchObject({ state: 'authorized' });
  const thief = await newAgent('thief');
  const other = await connect(thief);
  await expect(other.peer.call('hello', helloOf(thief, { hwid: identity.config.hwid }))).rejects.toMatchObject({
    code: 'certificateMismatch',
  });
});

test('an agent refuses a manager with another certificate than the pinned one', async () => {
  const identity = await newAgent();
  const failed = await dial(identity, { url: url(), fingerprint: `SHA256:${'A'.repeat(43)}` }).catch((e: unknown) => e);
  expect(hasCode(failed, 'certificateMismatch')).toBe(true);
  expect(await listClients(parts.db)).toEqual([]);
});

describe('a hostile frame ends its own link only', () => {
  const frames: Array<[string, string | Buffer]> = [
    ['not JSON', '{"jsonrpc":'],
    ['an array', '[]'],
    ['JSON, but no JSON-RPC', '{"hello":1}'],
    ['binary', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"hello"}')],
    ['over 1 MiB', JSON.stringify({ pad: 'a'.repeat(maxMessageBytes) })],
    ['a cancel of nothing', '{"jsonrpc":"2.0","method":"$/cancelRequest"}'],
  ];

  test.for(frames)('%s', async ([, frame]) => {
    const identity = await newAgent();
    const good = await connect(identity);
    await good.peer.call('hello', helloOf(identity));
    const bad = await connect(await newAgent('bad'));
    bad.socket.send(frame);
    expect(await bad.ended).not.toBe('');
    await expect(good.peer.call('hello', helloOf(identity))).rejects.toMatchObject({ code: 'invalidValue' });
  });

  test.for([
    ['an unknown method', 'jobs.start', {}, 'clientUnauthorized|unknownMethod'],
    ['wrong parameters', 'hello', { contract: 'one' }, 'invalidValue'],
    ['too many jobs', 'hello', { jobs: Array.from({ length: 10_001 }, () => ({})) }, 'invalidValue'],
  ] as const)('%s gets a clear error', async ([, method, params, code]) => {
    const identity = await newAgent();
    const { socket } = await connect(identity);
    const answer = new Promise<string>((resolve) => socket.on('message', (data: Buffer) => resolve(data.toString())));
    const given = method === 'hello' ? { ...helloOf(identity), ...params } : params;
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 'x', method, params: [given, null] }));
    expect(await answer).toMatch(new RegExp(`"code":"(?:${code})"`, 'u'));
  });
});

test('the port answers agents at /agent only', async () => {
  const identity = await newAgent();
  const wrong = dial(identity, { url: `wss://127.0.0.1:${port}/rpc`, fingerprint: tls.fingerprint });
  await expect(wrong).rejects.toMatchObject({ code: 'engineUnreachable' });
});
