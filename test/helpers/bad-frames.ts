import { frameOf } from '../../shared/node/header-frames.ts';
import { maxMessageBytes } from '../../shared/rpc/channel.ts';

/** What no stream channel of ours would send. */
export const badFrames: Record<string, string | Buffer> = {
  'not JSON': frameOf('{"jsonrpc":"2.0",'),
  empty: frameOf(''),
  'an array': frameOf('[{"jsonrpc":"2.0","id":1,"method":"text.echo"}]'),
  null: frameOf('null'),
  'the greeting of a shell': 'Welcome to node1!\n',
  'a header without a length': 'Content-Type: text\r\n\r\n{}',
  'a header that never ends': `Content-Length: ${' '.repeat(2000)}`,
  'longer than 1 MiB': `Content-Length: ${maxMessageBytes + 1}\r\n\r\n`,
};
