import { type Channel, decodeMessage, encodeMessage, Inbox } from './channel.ts';

/** What browser MessagePort, Node MessagePort and Electron's MessagePortMain have in common, as adapters give it. */
export interface PortLike {
  postMessage(message: unknown): void;
  onMessage(listener: (data: unknown) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

/** One object per message over a MessagePort (DETAILS 7). A frame that is no object closes the channel. */
export function messagePortChannel(port: PortLike): Channel {
  const inbox = new Inbox();
  const fail = (reason: string) => {
    inbox.end(reason);
    port.close();
  };
  port.onMessage((data) => {
    if (typeof data === 'object' && data !== null && !Array.isArray(data)) inbox.push(data);
    else fail('malformed frame: not an object');
  });
  port.onClose(() => inbox.end('the other side closed the port'));
  return {
    send(message) {
      inbox.assertOpen();
      port.postMessage(decodeMessage(encodeMessage(message)));
    },
    onMessage: (listener) => inbox.listen(listener),
    onClose: (listener) => inbox.onClose(listener),
    close: (reason = 'closed') => fail(reason),
  };
}
