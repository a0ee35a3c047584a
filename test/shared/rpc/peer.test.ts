import { describe, expect, onTestFinished, test, vi } from 'vitest';
import '../../../shared/node/rpc-runtime.ts';
import { z } from 'zod';
import { type CallControl, query } from '../../../shared/contract/method.ts';
import type { Notice } from '../../../shared/contract/notice.ts';
import { AppError } from '../../../shared/errors.ts';
import { memoryPair } from '../../../shared/rpc/memory-channel.ts';
import { Peer } from '../../../shared/rpc/peer.ts';

const contract = {
  'a.do': query({ right: 'none', params: z.object({ n: z.number().default(1) }), result: z.object({ n: z.number() }) }),
};

type Serve = (params: unknown, control: CallControl, method: string) => Promise<unknown>;

function pair(serve: Serve) {
  const [left, right] = memoryPair();
  onTestFinished(() => left.close());
  const server = new Peer(left, contract, (method, params, control) => serve(params, control, method));
  const client = new Peer(right, contract, () => Promise.reject(new AppError('unknownMethod', 'nothing here')));
  return { server, client, left, right };
}

/** Never settles by itself; rejects when it is cancelled. */
function untilAborted({ signal }: CallControl): Promise<never> {
  return new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(new AppError('cancelled', 'stopped in time')), { once: true }),
  );
}

describe('answers', () => {
  test('are checked: what is not as agreed is incompatible, what is new is dropped', async () => {
    const answers: unknown[] = [{ n: 'three' }, null, undefined, { n: 3, added: 'later' }];
    const { client } = pair(async () => answers.shift());
    for (let wrong = 0; wrong < 3; wrong++)
      await expect(client.call('a.do', {})).rejects.toMatchObject({ code: 'incompatible' });
    expect(await client.call('a.do', {})).toEqual({ n: 3 });
  });

  test('come to the call that asked, whatever their order', async () => {
    const { client } = pair(async (params) => {
      const { n } = z.object({ n: z.number() }).parse(params);
      await new Promise((resolve) => setTimeout(resolve, 5 * (3 - n)));
      return { n };
    });
    const calls = [0, 1, 2].map((n) => client.call('a.do', { n }));
    expect(await Promise.all(calls)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  });

  test('an error that is none of ours becomes internal', async () => {
    const { client } = pair(() => Promise.reject(new TypeError('x is not a function')));
    await expect(client.call('a.do', {})).rejects.toMatchObject({ code: 'internal', message: 'x is not a function' });
  });

  test('a code of a newer far side becomes internal', async () => {
    const { client, left } = pair(() => new Promise(() => undefined));
    const call = client.call('a.do', {});
    left.send({
      jsonrpc: '2.0',
      id: 0,
      error: { code: -32000, message: 'm', data: { code: 'brandNew', message: 'm' } },
    });
    await expect(call).rejects.toMatchObject({ code: 'internal', message: 'm' });
  });
});

describe('cancelling', () => {
  test('reaches the handler, whose answer counts', async () => {
    const seen = vi.fn();
    const { client } = pair((_params, control) => {
      seen();
      return untilAborted(control);
    });
    const abort = new AbortController();
    const call = client.call('a.do', {}, { signal: abort.signal });
    await vi.waitFor(() => expect(seen).toHaveBeenCalled());
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'cancelled', message: 'stopped in time' });
  });

  test('before the call sends nothing', async () => {
    const served = vi.fn(async () => ({ n: 1 }));
    const { client } = pair(served);
    await expect(client.call('a.do', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    expect(await client.call('a.do', {})).toEqual({ n: 1 });
    expect(served).toHaveBeenCalledTimes(1);
  });

  test('a timeout cancels on the far side too', async () => {
    const stopped = vi.fn();
    const { client } = pair((_params, control) => untilAborted(control).catch(stopped));
    await expect(client.call('a.do', {}, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
    await vi.waitFor(() => expect(stopped).toHaveBeenCalledTimes(1));
  });

  test('the end of the channel aborts what is being answered', async () => {
    const stopped = vi.fn();
    const started = vi.fn();
    const { client, right } = pair((_params, control) => {
      started();
      return untilAborted(control).catch(stopped);
    });
    const call = client.call('a.do', {});
    await vi.waitFor(() => expect(started).toHaveBeenCalled());
    right.close('gone');
    await expect(call).rejects.toMatchObject({ code: 'connectionLost' });
    await vi.waitFor(() => expect(stopped).toHaveBeenCalledTimes(1));
  });
});

describe('progress', () => {
  test('comes to the call that wants it, and to no other', async () => {
    const { client } = pair(async (_params, control) => {
      control.progress(10);
      control.progress(90);
      return { n: 1 };
    });
    const [one, two] = [vi.fn(), vi.fn()];
    await Promise.all([
      client.call('a.do', {}, { onProgress: one }),
      client.call('a.do', {}, { onProgress: two }),
      client.call('a.do', {}),
    ]);
    for (const heard of [one, two]) expect(heard.mock.calls).toEqual([[10], [90]]);
  });

  test('from a far side that sends something else is not passed on', async () => {
    const { client, left } = pair(() => new Promise(() => undefined));
    const heard = vi.fn();
    const call = client.call('a.do', {}, { onProgress: heard });
    for (const value of ['50', null, { a: 1 }, 40])
      left.send({ jsonrpc: '2.0', method: '$/progress', params: { token: 1, value } });
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    expect(heard.mock.calls).toEqual([[40]]);
    left.close();
    await expect(call).rejects.toMatchObject({ code: 'connectionLost' });
  });
});

describe('notices', () => {
  const notice: Notice = { topic: 'tasks', ids: [1, 2] };

  test('reach the other side; malformed ones do not', async () => {
    const { server, client, left } = pair(async () => ({ n: 1 }));
    const heard: Notice[] = [];
    client.onNotice((value) => heard.push(value));
    left.send({ jsonrpc: '2.0', method: '$/changed', params: { topic: 'weather' } });
    left.send({ jsonrpc: '2.0', method: '$/changed' });
    server.notify(notice);
    await vi.waitFor(() => expect(heard).toEqual([notice]));
  });

  test('to a closed channel are dropped', async () => {
    const { server, right } = pair(async () => ({ n: 1 }));
    right.close();
    expect(() => server.notify(notice)).not.toThrow();
  });
});

test('parameters may come bare, by name or by position', async () => {
  const answers: unknown[] = [];
  const [left, right] = memoryPair();
  const server = new Peer(left, contract, async (_method, params) => params);
  right.onMessage((message) => answers.push(message));
  right.send({ jsonrpc: '2.0', id: 1, method: 'x', params: { n: 1 } });
  right.send({ jsonrpc: '2.0', id: 2, method: 'x', params: [{ n: 2 }] });
  right.send({ jsonrpc: '2.0', id: 3, method: 'x' });
  await vi.waitFor(() => expect(answers).toHaveLength(3));
  expect(answers).toMatchObject([{ result: { n: 1 } }, { result: { n: 2 } }, { result: null }]);
  server.close();
});
