import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import '../../shared/node/rpc-runtime.ts';
import { serveEngine } from '../../electron/serve-engine.ts';
import type { Engine } from '../../engine/engine.ts';
import { AppError } from '../../shared/errors.ts';
import type { Channel } from '../../shared/rpc/channel.ts';
import { type FakePort, MessageChannelMain } from '../fakes/electron.ts';

class FakeParent extends EventEmitter {
  readonly told: unknown[] = [];
  postMessage(message: unknown): void {
    this.told.push(message);
  }
  send(data: unknown, ports: FakePort[] = []): void {
    this.emit('message', { data, ports });
  }
}

function setUp(start: (accept: Engine['acceptConsole'], stop: Engine['stop']) => Promise<Engine>) {
  const parent = new FakeParent();
  const channels: Channel[] = [];
  const stop = vi.fn(async () => undefined);
  const exit = vi.fn();
  const done = serveEngine({
    parent: parent as never,
    start: () => start((channel) => channels.push(channel), stop),
    exit,
  });
  return { parent, channels, stop, exit, done };
}

const working = async (acceptConsole: Engine['acceptConsole'], stop: Engine['stop']): Promise<Engine> =>
  ({ acceptConsole, stop, firstToken: 'token' }) as Engine;

test('each port becomes a console channel that carries messages both ways', async () => {
  const { parent, channels, done } = setUp(working);
  const { port1, port2 } = new MessageChannelMain();
  parent.send({ kind: 'console' }, [port1]);
  await done;
  expect(parent.told).toEqual([{ kind: 'ready', firstToken: 'token' }]);
  await vi.waitFor(() => expect(channels).toHaveLength(1));
  const [channel] = channels;
  const closed = new Promise((resolve) => channel?.onClose(resolve));
  channel?.onMessage((message) => channel.send({ echo: message }));
  const heard = new Promise((resolve) => port2.on('message', ({ data }) => resolve(data)));
  port2.start();
  port2.postMessage({ a: 1 });
  expect(await heard).toEqual({ echo: { a: 1 } });
  port2.close();
  expect(await closed).toMatch(/closed/u);
});

test('says why the engine does not start', async () => {
  const { parent, done } = setUp(() => Promise.reject(new AppError('portInUse', 'taken', { hint: 'another one' })));
  await done;
  expect(parent.told).toEqual([
    { kind: 'failed', error: { code: 'portInUse', message: 'taken', hint: 'another one' } },
  ]);
});

test('stops the engine before it exits', async () => {
  const { parent, stop, exit } = setUp(working);
  parent.send({ kind: 'stop' });
  await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(0));
  expect(stop).toHaveBeenCalledTimes(1);
});

test('a message that is none of ours is answered with a failure', async () => {
  const { parent, channels, done } = setUp(working);
  parent.send({ kind: 'shell', command: 'rm' }, [new MessageChannelMain().port1]);
  await done;
  expect(parent.told).toMatchObject([{ kind: 'failed' }, { kind: 'ready' }]);
  expect(channels).toEqual([]);
});
