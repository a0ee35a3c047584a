import { messageOf } from '../../shared/errors.ts';
import { type Channel, decodeMessage, encodeMessage, Inbox, maxMessageBytes } from '../../shared/rpc/channel.ts';

/** One JSON message per text frame over the browser's WebSocket (DETAILS 7). Anything else closes the channel. */
export function webSocketChannel(socket: WebSocket): Channel {
  const inbox = new Inbox();
  const fail = (reason: string) => {
    inbox.end(reason);
    socket.close(1000);
  };
  socket.addEventListener('message', (event: MessageEvent<unknown>) => {
    try {
      if (typeof event.data !== 'string') throw new TypeError('malformed frame: not text');
      if (event.data.length > maxMessageBytes) throw new RangeError('malformed frame: longer than 1 MiB');
      inbox.push(decodeMessage(event.data));
    } catch (error) {
      fail(messageOf(error));
    }
  });
  socket.addEventListener('close', (event) =>
    inbox.end(event.reason === '' ? `connection closed (${event.code})` : event.reason),
  );
  return {
    send(message) {
      inbox.assertOpen();
      socket.send(encodeMessage(message));
    },
    onMessage: (listener) => inbox.listen(listener),
    onClose: (listener) => inbox.onClose(listener),
    close: (reason = 'closed') => fail(reason),
  };
}

/**
 * Opens `<origin>/rpc`; the session's cookie goes along by itself.
 * @throws AppError engineUnreachable (by rejection) when the engine does not answer
 */
export function openWebSocket(origin: string, unreachable: (reason: string) => Error): Promise<Channel> {
  const url = new URL('/rpc', origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve(webSocketChannel(socket)), { once: true });
    socket.addEventListener('error', () => reject(unreachable(`no answer from ${url.host}`)), { once: true });
    socket.addEventListener('close', () => reject(unreachable(`${url.host} closed the connection`)), { once: true });
  });
}
