import { setImmediate as turn } from 'node:timers/promises';
import '../../shared/node/rpc-runtime.ts';
import { describe, expect, it } from 'vitest';
import { agentContract } from '../../shared/contract/agent/all.ts';
import { engineContract } from '../../shared/contract/engine/all.ts';
import { managerContract } from '../../shared/contract/manager/all.ts';
import type { Contract, Method } from '../../shared/contract/method.ts';
import { noticeMethod } from '../../shared/contract/notice.ts';
import { AppError } from '../../shared/errors.ts';
import { type Channel, decodeMessage, encodeMessage, Inbox } from '../../shared/rpc/channel.ts';
import { parseParams } from '../../shared/rpc/parse.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { fuzz } from './fuzz.ts';
import { mutateText, pick, type Random } from './mutate.ts';

const contracts: readonly Contract[] = [agentContract, engineContract, managerContract];
const uuid = '5b2ad0f2-7e1c-4f0a-9b57-3c9d1f0e8a11';
const repository = { uuid, repositoryId: null, storage: { kind: 'local', path: '/srv' }, password: 'secret' };
const corpus = [
  { jsonrpc: '2.0', id: 1, method: 'pools.capacity', params: [{ path: '/srv' }, null] },
  { jsonrpc: '2.0', id: 'a', method: 'repositories.stats', params: [{ repository }, 7] },
  {
    jsonrpc: '2.0',
    id: 2,
    method: 'backups.restore',
    params: [{ backup: '1', target: { kind: 'directory', path: '/x' } }],
  },
  { jsonrpc: '2.0', id: 3, method: 'nothing.such', params: {} },
  { jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } },
  { jsonrpc: '2.0', method: '$/progress', params: { token: 1, value: 50 } },
  { jsonrpc: '2.0', method: noticeMethod, params: [{ topic: 'tasks', ids: [1] }] },
  { jsonrpc: '2.0', id: 1, result: { freeBytes: 1, totalBytes: 2 } },
  { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'no', data: { code: 'notFound', message: 'no' } } },
].map((message) => JSON.stringify(message));
const tokens = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  'null',
  '"id":',
  '"method":',
  '"params":',
  '"jsonrpc":',
  '1e999',
].concat([
  '"__proto__":',
  '"constructor"',
  '"result":',
  '"error":',
  '-1',
  '"$/cancelRequest"',
  'true',
  '"toString"',
  ' ',
]);

/** A far side that says what it likes. */
class HostileChannel implements Channel {
  readonly sent: string[] = [];
  closedWith: string | undefined;
  readonly #inbox = new Inbox();

  send(message: object): void {
    this.#inbox.assertOpen();
    this.sent.push(encodeMessage(message));
  }

  onMessage(listener: (message: object) => void): void {
    this.#inbox.listen(listener);
  }

  onClose(listener: (reason: string) => void): void {
    this.#inbox.onClose(listener);
  }

  close(reason = 'closed'): void {
    this.closedWith ??= reason;
    this.#inbox.end(reason);
  }

  /** As the adapters do it: what is no JSON object ends the conversation. */
  receive(text: string): void {
    try {
      this.#inbox.push(decodeMessage(text));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.close(error.message);
    }
  }
}

async function dispatch(name: string, params: unknown): Promise<unknown> {
  const contract = contracts.find((each) => Object.hasOwn(each, name));
  if (contract === undefined) throw new AppError('unknownMethod', `method ${name} does not exist`);
  parseParams(name, contract[name] as Method, params);
  return {};
}

const hostile = (random: Random) =>
  Array.from({ length: 1 + random(3) }, () =>
    random(3) === 0 ? pick(corpus, random) : mutateText(corpus, tokens, random),
  );

describe('a hostile far side', () => {
  it('never breaks the conversation of others, and every call is settled', async () => {
    await fuzz({
      make: hostile,
      parse: async (messages) => {
        const channel = new HostileChannel();
        const peer = new Peer(channel, agentContract, dispatch);
        peer.onNotice(({ topic }) => expect(typeof topic).toBe('string'));
        const call = peer.call('pools.capacity', { path: '/srv' });
        const outcome = call.then(
          ({ freeBytes }) => expect(freeBytes === null || freeBytes >= 0).toBe(true),
          (error: unknown) => expect(error).toBeInstanceOf(AppError),
        );
        for (const message of messages) channel.receive(message);
        for (let turns = 0; turns < 3; turns++) await turn();
        peer.close();
        await outcome;
        for (const text of channel.sent) expect(text.length).toBeLessThan(3_000_000);
      },
      leastShare: -1,
    });
  });

  it('in the parameters of every method', async () => {
    const names = contracts.flatMap((contract) => Object.entries(contract));
    const values = ['{"repository":{"storage":{"kind":"sftp"}}}', '{"path":"/srv/../x"}', '{"page":{"limit":1}}', '{}']
      .concat(corpus)
      .concat([
        JSON.stringify({ repository, from: 0, create: true, platform: { uuid, kind: 'libvirt', settings: {} } }),
      ]);
    await fuzz({
      make: (random) => ({ method: pick(names, random), text: mutateText(values, tokens, random) }),
      parse: ({ method: [name, method], text }) => {
        let params: unknown;
        try {
          params = JSON.parse(text);
        } catch {
          // No frame at all: decodeMessage has said so.
          return;
        }
        parseParams(name, method, params);
      },
      leastShare: -1,
    });
  });
});
