import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import '../../shared/node/rpc-runtime.ts';
import { z } from 'zod';
import { command, query } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { type Channel, maxMessageBytes } from '../../shared/rpc/channel.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { Peer } from '../../shared/rpc/peer.ts';

/** Both ends of one connection; `raw` is what lies below the right one. */
export interface ChannelEnds<Raw = unknown> {
  left: Channel;
  right: Channel;
  raw: Raw;
  close(): Promise<void> | void;
}

const contract = {
  'text.echo': query({ right: 'none', params: z.object({ text: z.string() }), result: z.object({ text: z.string() }) }),
  'text.repeat': query({
    right: 'none',
    params: z.object({ times: z.number() }),
    result: z.object({ text: z.string() }),
  }),
  'text.fail': command({ right: 'none', params: z.object({}), result: z.object({}) }),
};

const dispatch = createDispatcher<typeof contract, null>(
  contract,
  {
    'text.echo': async ({ text }) => ({ text }),
    'text.repeat': async ({ times }) => ({ text: 'x'.repeat(times) }),
    'text.fail': () => Promise.reject(new AppError('storageFull', 'no space', { field: 'pool', hint: 'make some' })),
  },
  () => undefined,
);

const hostileMessages: Record<string, object> = {
  'no JSON-RPC': { hello: 1 },
  'another JSON-RPC': { jsonrpc: '1.0', id: 1, method: 'text.echo' },
  'a cancel without parameters': { jsonrpc: '2.0', method: '$/cancelRequest' },
  'a cancel of nothing': { jsonrpc: '2.0', method: '$/cancelRequest', params: null },
  'a cancel of an object': { jsonrpc: '2.0', method: '$/cancelRequest', params: { id: {} } },
  'a progress of nothing': { jsonrpc: '2.0', method: '$/progress', params: null },
  'a progress of nobody': { jsonrpc: '2.0', method: '$/progress', params: { token: 1, value: {} } },
  'a trace switch': { jsonrpc: '2.0', method: '$/setTrace', params: 7 },
  'an answer to nothing': { jsonrpc: '2.0', id: 999, result: {} },
  'an answer with a strange error': { jsonrpc: '2.0', id: 1, error: 5 },
  'an answer without anything': { jsonrpc: '2.0', id: 1 },
  'a request without a method': { jsonrpc: '2.0', id: 1, params: [] },
  'a request with a strange id': { jsonrpc: '2.0', id: {}, method: 'text.echo', params: [{ text: 'a' }] },
  'a notice of ours that is none': { jsonrpc: '2.0', method: '$/changed', params: { topic: 'nonsense' } },
  'a name of Object': { jsonrpc: '2.0', id: 1, method: '__proto__', params: [] },
};

/**
 * What every channel must do, alone and under a peer.
 * @param malformed sends what no channel of ours would send to the left end; by what it is
 */
export function channelSuite<Raw>(
  name: string,
  make: () => Promise<ChannelEnds<Raw>>,
  malformed: Record<string, (raw: Raw) => void> = {},
): void {
  describe(name, () => {
    let ends: ChannelEnds<Raw>;
    beforeEach(async () => {
      ends = await make();
    });
    afterEach(() => ends.close());

    transportTests(() => ends);
    peerTests(() => ends);
    hostileTests(() => ends);

    test.for(Object.entries(malformed))('a frame that is %s ends the channel with a reason', async ([, send]) => {
      peers(ends);
      const end = closing(ends.left);
      send(ends.raw);
      expect(await end).toMatch(/malformed|payload/iu);
      expect(() => ends.left.send({})).toThrow(expect.objectContaining({ code: 'connectionLost' }) as Error);
    });
  });
}

function collect(channel: Channel): object[] {
  const messages: object[] = [];
  channel.onMessage((message) => messages.push(message));
  return messages;
}

function closing(channel: Channel): Promise<string> {
  return new Promise((resolve) => channel.onClose(resolve));
}

/** An object whose JSON text has exactly so many bytes. */
function messageOfSize(bytes: number): { pad: string } {
  const empty = JSON.stringify({ pad: '' }).length;
  return { pad: 'a'.repeat(bytes - empty) };
}

function transportTests(ends: () => ChannelEnds): void {
  test('carries whole messages in order, both ways, unchanged', async () => {
    const [atLeft, atRight] = [collect(ends().left), collect(ends().right)];
    const sent = Array.from({ length: 50 }, (_, index) => ({ index, text: 'ü𝄞 \n"', deep: { list: [index, null] } }));
    for (const message of sent) {
      ends().left.send(message);
      ends().right.send({ back: message });
    }
    await vi.waitFor(() => expect([atLeft.length, atRight.length]).toEqual([50, 50]));
    expect(atRight).toEqual(sent);
    expect(atLeft).toEqual(sent.map((message) => ({ back: message })));
  });

  test('what is sent later does not change with the object', async () => {
    const atRight = collect(ends().right);
    const message = { value: 1 };
    ends().left.send(message);
    message.value = 2;
    await vi.waitFor(() => expect(atRight).toEqual([{ value: 1 }]));
  });

  test('keeps messages until somebody listens', async () => {
    ends().left.send({ early: 1 });
    ends().left.send({ early: 2 });
    const other = collect(ends().left);
    ends().right.send({ probe: 1 });
    await vi.waitFor(() => expect(other).toHaveLength(1));
    const late = collect(ends().right);
    await vi.waitFor(() => expect(late).toEqual([{ early: 1 }, { early: 2 }]));
  });

  test('the end of one side is the end of the other, told once, also to late listeners', async () => {
    const told = vi.fn();
    ends().right.onClose(told);
    const end = closing(ends().right);
    ends().left.close('enough');
    expect(await end).toMatch(/enough|closed/u);
    expect(await closing(ends().left)).toBe('enough');
    expect(await closing(ends().right)).not.toBe('');
    ends().right.close();
    ends().left.close('again');
    expect(await closing(ends().left)).toBe('enough');
    expect(told).toHaveBeenCalledTimes(1);
  });

  test('sending after the end says that the connection is lost', async () => {
    ends().left.close('enough');
    await closing(ends().right);
    for (const side of [ends().left, ends().right])
      expect(() => side.send({})).toThrow(expect.objectContaining({ code: 'connectionLost' }) as Error);
  });

  test('carries 1 MiB and refuses one byte more, without harm', async () => {
    const atRight = collect(ends().right);
    ends().left.send(messageOfSize(maxMessageBytes));
    expect(() => ends().left.send(messageOfSize(maxMessageBytes + 1))).toThrow(
      expect.objectContaining({ code: 'messageTooLarge' }) as Error,
    );
    // Bytes count, not characters: a third of them is enough with three-byte ones.
    expect(() => ends().left.send({ pad: '€'.repeat(maxMessageBytes / 3 + 1) })).toThrow(/1 MiB/u);
    ends().left.send({ after: 1 });
    await vi.waitFor(() => expect(atRight).toHaveLength(2));
    expect(atRight[0]).toEqual(messageOfSize(maxMessageBytes));
  });
}

function serve(channel: Channel): void {
  const peer = new Peer(channel, {}, (name, params, control) => dispatch(name, params, null, control));
  peer.onNotice(() => undefined);
}

function peers({ left, right }: ChannelEnds): { client: Peer<typeof contract> } {
  serve(left);
  return { client: new Peer(right, contract, () => Promise.reject(new AppError('unknownMethod', 'no'))) };
}

function peerTests(ends: () => ChannelEnds): void {
  test('carries calls and their errors', async () => {
    const { client } = peers(ends());
    expect(await client.call('text.echo', { text: 'hello' })).toEqual({ text: 'hello' });
    await expect(client.call('text.fail', {})).rejects.toMatchObject({
      code: 'storageFull',
      message: 'no space',
      field: 'pool',
      hint: 'make some',
    });
    await expect(client.call('text.echo', { text: 5 } as never)).rejects.toMatchObject({
      code: 'invalidValue',
      field: 'text',
    });
  });

  test('an answer that is too long is an error of its call only', async () => {
    const { client } = peers(ends());
    await expect(client.call('text.repeat', { times: maxMessageBytes })).rejects.toMatchObject({
      code: 'messageTooLarge',
    });
    await expect(client.call('text.echo', { text: 'x'.repeat(maxMessageBytes) })).rejects.toMatchObject({
      code: 'messageTooLarge',
    });
    expect(await client.call('text.echo', { text: 'still there' })).toEqual({ text: 'still there' });
  });

  test('the end rejects what is under way', async () => {
    const { client } = peers(ends());
    const call = client.call('text.echo', { text: 'a' });
    ends().right.close('enough');
    await expect(call).rejects.toMatchObject({ code: 'connectionLost' });
    await expect(client.call('text.echo', { text: 'a' })).rejects.toMatchObject({ code: 'connectionLost' });
  });
}

function hostileTests(ends: () => ChannelEnds): void {
  test.each(Object.entries(hostileMessages))(
    '%s is refused or ignored, and nothing else happens',
    async (_name, message) => {
      const { left, right } = ends();
      const answers = collect(right);
      serve(left);
      const end = closing(left);
      right.send(message);
      const alive = { jsonrpc: '2.0', id: 'probe', method: 'text.echo', params: [{ text: 'alive' }] };
      try {
        right.send(alive);
      } catch (error) {
        expect(error).toMatchObject({ code: 'connectionLost' });
      }
      // Either the conversation ends with a reason, or it goes on and answers.
      const outcome = await Promise.race([end, answered(answers)]);
      expect(outcome).toMatch(/malformed|alive/u);
    },
  );
}

async function answered(answers: object[]): Promise<string> {
  return vi.waitFor(() => {
    const answer = answers.find((message) => (message as { id?: unknown }).id === 'probe');
    expect(answer).toMatchObject({ result: { text: 'alive' } });
    return 'alive';
  });
}
