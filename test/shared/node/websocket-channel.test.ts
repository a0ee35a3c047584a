import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { webSocketChannel } from '../../../shared/node/websocket-channel.ts';
import { maxMessageBytes } from '../../../shared/rpc/channel.ts';
import { channelSuite } from '../../suites/channel-suite.ts';

channelSuite(
  'WebSocket',
  async () => {
    const settings = { maxPayload: maxMessageBytes, perMessageDeflate: false };
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...settings });
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[WebSocket]>;
    const raw = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, settings);
    const [[socket]] = await Promise.all([accepted, once(raw, 'open')]);
    const close = async () => {
      socket.terminate();
      raw.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    };
    return { left: webSocketChannel(socket), right: webSocketChannel(raw), raw, close };
  },
  {
    'not JSON': (socket) => socket.send('{"jsonrpc":"2.0",'),
    empty: (socket) => socket.send(''),
    'an array': (socket) => socket.send('[{"jsonrpc":"2.0","id":1,"method":"text.echo"}]'),
    'a JSON string': (socket) => socket.send('"text.echo"'),
    null: (socket) => socket.send('null'),
    binary: (socket) => socket.send(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"text.echo"}')),
    'longer than 1 MiB': (socket) => socket.send(JSON.stringify({ pad: 'a'.repeat(maxMessageBytes) })),
  },
);
