import type { Duplex } from 'node:stream';
import { messageOf } from '../errors.ts';
import { type Channel, decodeMessage, encodeMessage, Inbox } from '../rpc/channel.ts';
import { frameOf, FrameReader } from './header-frames.ts';

/** A far side that reads nothing must not fill our memory. */
const maxUnsentBytes = 32 * 1024 * 1024;
/** Time for the last bytes to leave after a close, in ms. */
const lingerMs = 2000;

/**
 * Messages with headers over a byte stream: a Unix socket, a child's pipes, an SSH channel (DETAILS 7). A malformed frame
 * or one over 1 MiB closes the channel. The reason of a close stays on its own side.
 */
export function streamChannel(stream: Duplex): Channel {
  const inbox = new Inbox();
  const frames = new FrameReader();
  const close = (reason: string) => {
    if (inbox.closed) return;
    inbox.end(reason);
    stream.end();
    const linger = setTimeout(() => stream.destroy(), lingerMs).unref();
    stream.once('close', () => clearTimeout(linger));
  };
  stream.on('data', (chunk: Buffer) => {
    // What comes after our close is read, so that the far side is not held up, and forgotten.
    if (inbox.closed) return;
    try {
      for (const text of frames.push(chunk)) inbox.push(decodeMessage(text));
    } catch (error) {
      close(messageOf(error));
    }
  });
  stream.on('error', (error: Error) => inbox.end(error.message));
  stream.on('end', () => close('the other side closed the connection'));
  stream.on('close', () => inbox.end('connection closed'));
  return {
    send(message) {
      inbox.assertOpen();
      stream.write(frameOf(encodeMessage(message)));
      if (stream.writableLength > maxUnsentBytes) close('the other side does not read');
    },
    onMessage: (listener) => inbox.listen(listener),
    onClose: (listener) => inbox.onClose(listener),
    close: (reason = 'closed') => close(reason),
  };
}
