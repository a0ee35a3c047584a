import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { frameOf, FrameReader } from '../../../shared/node/header-frames.ts';
import { streamChannel } from '../../../shared/node/stream-channel.ts';
import { badFrames } from '../../helpers/bad-frames.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { channelSuite } from '../../suites/channel-suite.ts';

/** Two ends of a Unix socket. */
async function socketPair(): Promise<[Socket, Socket]> {
  const path = join(await temporaryFolder(), 's');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect(path);
  const [[far]] = await Promise.all([accepted, once(near, 'connect')]);
  server.close();
  return [near, far];
}

channelSuite(
  'a socket with headers',
  async () => {
    const [near, far] = await socketPair();
    const close = () => {
      near.destroy();
      far.destroy();
    };
    return { left: streamChannel(near), right: streamChannel(far), raw: far, close };
  },
  Object.fromEntries(Object.entries(badFrames).map(([name, bytes]) => [name, (raw: Socket) => raw.write(bytes)])),
);

test('frames come out whole, however they are cut', () => {
  const texts = ['{"a":"ü𝄞"}', '{}', `{"pad":"${'x'.repeat(5000)}"}`];
  const bytes = Buffer.concat(texts.map(frameOf));
  for (const size of [1, 3, 7, 1024, bytes.length]) {
    const reader = new FrameReader();
    const got: string[] = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...reader.push(bytes.subarray(at, at + size)));
    expect(got).toEqual(texts);
  }
});

test('vscode-jsonrpc, whose framing it is, understands it and is understood', async () => {
  const { StreamMessageReader, StreamMessageWriter } = await import('vscode-jsonrpc/node');
  const [near, far] = await socketPair();
  const channel = streamChannel(near);
  const got: object[] = [];
  channel.onMessage((message) => got.push(message));
  await new StreamMessageWriter(far).write({ jsonrpc: '2.0', method: 'ü' } as never);
  await vi.waitFor(() => expect(got).toEqual([{ jsonrpc: '2.0', method: 'ü' }]));
  const read = new Promise((resolve) => new StreamMessageReader(far).listen(resolve));
  channel.send({ jsonrpc: '2.0', method: 'é' });
  expect(await read).toEqual({ jsonrpc: '2.0', method: 'é' });
  channel.close();
  far.destroy();
});

test('a far side that reads nothing is given up before it fills our memory', async () => {
  const [near, far] = await socketPair();
  far.pause();
  const channel = streamChannel(near);
  const message = { pad: 'a'.repeat(1_000_000) };
  const end = new Promise((resolve) => channel.onClose(resolve));
  expect(() => {
    for (let n = 0; n < 100; n++) channel.send(message);
  }).toThrow(expect.objectContaining({ code: 'connectionLost' }) as Error);
  expect(await end).toMatch(/does not read/u);
  near.destroy();
  far.destroy();
});
