import { type Channel, decodeMessage, encodeMessage, Inbox } from './channel.ts';

/** Two channels that are each other's far end, in one process; for tests and embedded use. */
export function memoryPair(): [Channel, Channel] {
  const left = new Inbox();
  const right = new Inbox();
  const end = (reason: string) => {
    left.end(reason);
    right.end(reason);
  };
  const make = (own: Inbox, far: Inbox): Channel => ({
    send(message) {
      own.assertOpen();
      const text = encodeMessage(message);
      queueMicrotask(() => far.push(decodeMessage(text)));
    },
    onMessage: (listener) => own.listen(listener),
    onClose: (listener) => own.onClose(listener),
    close: (reason = 'closed') => end(reason),
  });
  return [make(left, right), make(right, left)];
}
