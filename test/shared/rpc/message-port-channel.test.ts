import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { messagePortChannel, type PortLike } from '../../../shared/rpc/message-port-channel.ts';
import { channelSuite } from '../../suites/channel-suite.ts';

function portOf(port: MessagePort): PortLike {
  return {
    postMessage: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  };
}

channelSuite(
  'MessagePort',
  async () => {
    const { port1, port2 } = new MessageChannel();
    const left = messagePortChannel(portOf(port1));
    return { left, right: messagePortChannel(portOf(port2)), raw: port2, close: () => left.close() };
  },
  {
    text: (port) => port.postMessage('{"jsonrpc":"2.0","id":1,"method":"text.echo"}'),
    'an array': (port) => port.postMessage([{ jsonrpc: '2.0', id: 1, method: 'text.echo' }]),
    null: (port) => port.postMessage(null),
    'a number': (port) => port.postMessage(5),
  },
);
