import type { ClientRequest, IncomingMessage } from 'node:http';

/** So much is handed to the connection at a time: a copy under TLS stays this small, and progress is seen this often. */
const portionBytes = 128 * 1024;

/** Groups the parts into portions; large parts are cut, none is copied. */
export function* portionsOf(parts: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let portion: Uint8Array[] = [];
  let room = portionBytes;
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const piece = part.subarray(at, at + room);
      portion.push(piece);
      at += piece.length;
      room -= piece.length;
      if (room > 0) continue;
      yield portion;
      portion = [];
      room = portionBytes;
    }
  }
  if (portion.length > 0) yield portion;
}

/**
 * Sends the parts as the body, as fast as the server takes them; stops when the server answers early or hangs up.
 * @returns whether everything was handed over
 */
export async function sendParts(
  request: ClientRequest,
  parts: readonly Uint8Array[],
  onProgress: () => void,
): Promise<boolean> {
  let isOver = false;
  let wake: () => void = () => undefined;
  const onOver = () => {
    isOver = true;
    wake();
  };
  const onDrain = () => wake();
  request.once('response', onOver).once('close', onOver).on('drain', onDrain);
  for (const portion of portionsOf(parts)) {
    request.cork();
    for (const piece of portion) request.write(piece);
    request.uncork();
    if (request.writableNeedDrain && !isOver) await new Promise<void>((resolve) => (wake = resolve));
    if (isOver) return false;
    onProgress();
  }
  request.end();
  return true;
}

/**
 * Fills the target with the body.
 * @returns how many bytes came; more than there is room for is an error
 */
export function readInto(message: IncomingMessage, target: Buffer, onProgress: () => void): Promise<number> {
  let done = 0;
  return new Promise((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      onProgress();
      if (chunk.length > target.length - done) {
        message.destroy(new Error('the server sends more than it announced'));
        return;
      }
      chunk.copy(target, done);
      done += chunk.length;
    });
    message.once('end', () => resolve(done));
    message.once('error', reject);
    message.once('close', () => reject(new Error('the connection was lost')));
  });
}

/** The whole body. @throws Error when it is longer than `limit` bytes */
export async function readAll(message: IncomingMessage, limit: number, onProgress: () => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    onProgress();
    bytes += chunk.length;
    if (bytes > limit) throw new Error(`the server sends more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** The beginning of the body, for a message; what follows is not waited for. */
export async function readBeginning(message: IncomingMessage, onProgress: () => void, limit = 1024): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      onProgress();
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= limit) break;
    }
  } catch {
    // The status was the answer; a body that breaks off only makes the message shorter.
  }
  return Buffer.concat(chunks, bytes).subarray(0, limit).toString('utf8');
}
