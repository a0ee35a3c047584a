import type { WebSocket } from 'ws';
import { messageOf } from '../errors.ts';
import { type Channel, decodeMessage, encodeMessage, Inbox } from '../rpc/channel.ts';

/** Close code for a frame that is no message of ours (RFC 6455 §7.4.1: policy violation). */
const policyViolation = 1008;

/**
 * One message per text frame over `ws` (DETAILS 7). The socket must have been made with `maxPayload: maxMessageBytes`,
 * so that a longer frame is refused before it is parsed. Malformed or binary frames close the channel.
 */
export function webSocketChannel(socket: WebSocket): Channel {
  const inbox = new Inbox();
  const close = (reason: string, code = 1000) => {
    inbox.end(reason);
    // RFC 6455 §5.5: a control frame carries at most 125 bytes.
    socket.close(
      code,
      Buffer.from(reason)
        .subarray(0, 120)
        .toString('utf8')
        .replace(/\uFFFD+$/u, ''),
    );
  };
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    try {
      inbox.push(decodeMessage(isBinary ? '' : data.toString('utf8')));
    } catch (error) {
      close(messageOf(error), policyViolation);
    }
  });
  socket.on('error', (error: Error) => inbox.end(error.message));
  socket.on('close', (code: number, reason: Buffer) =>
    inbox.end(reason.length > 0 ? reason.toString('utf8') : `connection closed (${code})`),
  );
  return {
    send(message) {
      inbox.assertOpen();
      socket.send(encodeMessage(message));
    },
    onMessage: (listener) => inbox.listen(listener),
    onClose: (listener) => inbox.onClose(listener),
    close: (reason = 'closed') => close(reason),
  };
}
