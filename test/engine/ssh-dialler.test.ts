import { createServer, type Socket } from 'node:net';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { initAgent } from '../../agent/identity.ts';
import { getClient, listClients } from '../../engine/database/clients.ts';
import { listLogs } from '../../engine/database/logs.ts';
import { challengePrefix } from '../../shared/contract/agent/link.ts';
import { managerContract, type ManagerContract } from '../../shared/contract/manager/all.ts';
import { AppError } from '../../shared/errors.ts';
import { streamChannel } from '../../shared/node/stream-channel.ts';
import { sshAddressSchema } from '../../shared/model/ssh.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { Secret } from '../../shared/schema.ts';
import { engineParts, type EngineParts } from '../helpers/engine-parts.ts';
import { checkout, compileCache } from '../helpers/sources.ts';
import { missingSshd, TestSshd } from '../helpers/sshd.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const keys = generateKeyPairSync('ed25519');
const otherKeys = generateKeyPairSync('ed25519');
const rawKey = (pair: typeof keys) =>
  pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
const fingerprint = `SHA256:${'B'.repeat(43)}`;

/** How the agent behind the bridge behaves. */
interface Manners {
  contract: number;
  pair: typeof keys;
  signs: typeof keys;
  isTooOld: boolean;
  isSilent: boolean;
}
const good: Manners = { contract: 1, pair: keys, signs: keys, isTooOld: false, isSilent: false };

describe.skipIf(missingSshd !== undefined)('the dialler', () => {
  let parts: EngineParts;
  let sshd: TestSshd;
  let command: string;
  let manners: Manners;
  const agents = new Set<Socket>();

  beforeEach(async () => {
    manners = { ...good };
    parts = await engineParts();
    const folder = await temporaryFolder();
    sshd = await TestSshd.open(folder);
    onTestFinished(() => sshd.close());
    onTestFinished(() => parts.dialler.stop());
    await initAgent({ folder: join(folder, 'agent'), name: 'agent', manager: undefined });
    const server = createServer(serve).listen(join(folder, 'agent', 'agent.sock'));
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of agents) socket.destroy();
      server.close();
    });
    const stdio = `${process.execPath} ${checkout}/agent/main.ts stdio --data ${join(folder, 'agent')}`;
    command = `NODE_COMPILE_CACHE=${compileCache} ${stdio}`;
  });

  function serve(socket: Socket): void {
    agents.add(socket.on('close', () => agents.delete(socket)).on('error', () => socket.destroy()));
    const peer: Peer<ManagerContract> = new Peer(streamChannel(socket), managerContract, async (method, params) => {
      if (method === 'agent.ping') return {};
      if (manners.isTooOld) throw new AppError('unknownMethod', method);
      if (manners.isSilent) return new Promise(() => undefined);
      hello(peer, (params as { nonce: string }).nonce).catch(() => peer.close('refused'));
      return {};
    });
  }

  async function hello(peer: Peer<ManagerContract>, nonce: string): Promise<void> {
    const { contract, pair, signs } = manners;
    const text = Buffer.concat([Buffer.from(challengePrefix), Buffer.from(nonce, 'base64')]);
    const signature = sign(null, text, signs.privateKey).toString('base64');
    const said = { contract, version: '9', name: 'x', system: 'test', capabilities: [], jobs: [] };
    const own = { hwid: '0123-4567-89ab-cdef', signKey: rawKey(pair), proof: { fingerprint, signature } };
    await peer.call('hello', { ...said, ...own });
  }

  async function add(signal = AbortSignal.timeout(20_000)): Promise<number> {
    const { user, port } = sshd;
    const hostKey = await sshd.fingerprint();
    const address = sshAddressSchema.parse({ host: '127.0.0.1', port, user, hostKey, command });
    const privateKey = new Secret(await readFile(sshd.path('id'), 'utf8'));
    return parts.dialler.add({ name: 'node1', address, privateKey, by: 'admin' }, signal);
  }

  test.each<[string, Partial<Manners>, string]>([
    ['speaks another contract', { contract: 99 }, 'incompatible'],
    ['knows no challenge', { isTooOld: true }, 'incompatible'],
    ['signs with another key than it names', { signs: otherKeys }, 'certificateMismatch'],
  ])('keeps nothing of an agent that %s', async (_what, change, code) => {
    manners = { ...good, ...change };
    await expect(add()).rejects.toMatchObject({ code });
    expect(await listClients(parts.db)).toEqual([]);
    await vi.waitFor(() => expect(agents.size).toBe(0), 5000);
  });

  test('gives up an agent that says nothing when it is told to', async () => {
    manners.isSilent = true;
    const abort = new AbortController();
    const adding = add(abort.signal);
    await vi.waitFor(() => expect(agents.size).toBe(1), 10_000);
    abort.abort();
    await expect(adding).rejects.toMatchObject({ code: 'sshFailed' });
    expect(await listClients(parts.db)).toEqual([]);
  });

  test('dials again when the line is lost, and no more once it is dropped', async () => {
    const id = await add();
    expect(parts.registry.isOnline(id)).toBe(true);
    for (const socket of agents) socket.destroy();
    await vi.waitFor(() => expect(parts.registry.isOnline(id)).toBe(false));
    expect(await parts.registry.waitOnline(id, 10_000)).toBe(true);
    await parts.dialler.drop(id);
    await vi.waitFor(() => expect(parts.registry.isOnline(id)).toBe(false));
    const { connections } = sshd;
    await new Promise((resolve) => setTimeout(resolve, 1600));
    expect(sshd.connections).toBe(connections);
  });

  test('does not take another agent for the one it knows, and logs that once', async () => {
    const id = await add();
    manners = { ...good, pair: otherKeys, signs: otherKeys };
    for (const socket of agents) socket.destroy();
    const { connections } = sshd;
    await vi.waitFor(() => expect(sshd.connections).toBeGreaterThan(connections + 1), 20_000);
    expect(parts.registry.isOnline(id)).toBe(false);
    expect((await getClient(parts.db, id)).last_error).toMatch(/has other keys for HWID/u);
    const logs = (await listLogs(parts.db, { limit: 50, offset: 0 })).rows;
    expect(logs.filter(({ code }) => code === 'certificateMismatch')).toHaveLength(1);
  });
});
