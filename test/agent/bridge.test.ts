import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { bridge } from '../../agent/bridge.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

async function bridged() {
  const path = join(await temporaryFolder(), 's');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect(path);
  const [agent] = await accepted;
  server.close();
  const [input, output] = [new PassThrough(), new PassThrough()];
  return { agent, near, input, output, ended: bridge(near, input, output) };
}

test('passes bytes both ways unchanged, and ends with the engine', async () => {
  const { agent, input, output, ended } = await bridged();
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
  input.write(bytes);
  expect((await once(agent, 'data'))[0]).toEqual(bytes);
  agent.write(bytes);
  expect((await once(output, 'data'))[0]).toEqual(bytes);
  const told = once(agent, 'end');
  input.end();
  await told;
  agent.end();
  await ended;
});

test('ends with the agent, after its last bytes', async () => {
  const { agent, output, ended } = await bridged();
  agent.end('goodbye');
  const [said] = (await once(output, 'data')) as [Buffer];
  expect(said.toString()).toBe('goodbye');
  await ended;
});

test('takes no more than the other side reads', async () => {
  const { agent, near, input, output, ended } = await bridged();
  agent.pause();
  for (let n = 0; n < 100; n++) input.write(Buffer.alloc(100_000));
  for (let n = 0; n < 100; n++) agent.write(Buffer.alloc(100_000));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(near.writableLength).toBeLessThan(300_000);
  expect(output.readableLength + output.writableLength).toBeLessThan(300_000);
  agent.destroy();
  await ended;
});
