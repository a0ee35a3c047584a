import { AppError } from '../../../shared/errors.ts';
import type { Reader } from './handshake.ts';
import { violation } from './handshake.ts';
import type { Pending } from './pending.ts';
import { PendingRead, PendingStatus } from './pending.ts';
import { chunk, errorName, lastChunk, magic, maxControlBytes, noSpace } from './protocol.ts';

/** Parses answers for ever and settles the requests they belong to. @throws AppError diskReadFailed */
export function* replies(pending: Map<number, Pending>, structured: boolean): Reader<never> {
  const start = Buffer.alloc(4);
  for (;;) {
    yield start;
    const kind = start.readUInt32BE(0);
    if (kind === magic.structuredReply && structured) yield* structuredReply(pending);
    else if (kind === magic.simpleReply) yield* simpleReply(pending, structured);
    else throw violation('an answer does not begin as one');
  }
}

function* simpleReply(pending: Map<number, Pending>, structured: boolean): Reader<void> {
  const head = Buffer.alloc(12);
  yield head;
  const error = head.readUInt32BE(0);
  const { handle, request } = find(pending, head, 4);
  if (structured && request instanceof PendingRead) throw violation('a plain answer to a read');
  if (request instanceof PendingStatus) throw violation('a plain answer to a status question');
  if (error !== 0) request.error = error;
  else if (request instanceof PendingRead) yield request.place(request.offset, request.bytes.length);
  settle(pending, handle, request);
}

function* structuredReply(pending: Map<number, Pending>): Reader<void> {
  const head = Buffer.alloc(16);
  yield head;
  const flags = head.readUInt16BE(0);
  const type = head.readUInt16BE(2);
  const { handle, request } = find(pending, head, 4);
  const length = head.readUInt32BE(12);
  if (type === chunk.data) yield* dataChunk(request, length);
  else if (type === chunk.hole) yield* holeChunk(request, length);
  else yield* controlChunk(request, type, length);
  if ((flags & lastChunk) !== 0) settle(pending, handle, request);
}

function* dataChunk(request: Pending, length: number): Reader<void> {
  if (!(request instanceof PendingRead) || length < 9) throw violation('data that was not asked for');
  const offset = yield* readOffset();
  yield request.place(offset, length - 8);
}

function* holeChunk(request: Pending, length: number): Reader<void> {
  if (!(request instanceof PendingRead) || length !== 12) throw violation('a hole that was not asked for');
  const offset = yield* readOffset();
  const size = Buffer.alloc(4);
  yield size;
  request.place(offset, size.readUInt32BE(0)).fill(0);
}

function* readOffset(): Reader<number> {
  const bytes = Buffer.alloc(8);
  yield bytes;
  const offset = bytes.readBigUInt64BE(0);
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw violation('an offset beyond every disk');
  return Number(offset);
}

/** Chunks without disk data: end, status, errors. Errors of unknown type are errors all the same. */
function* controlChunk(request: Pending, type: number, length: number): Reader<void> {
  if (length > maxControlBytes) throw violation(`an answer of ${length} bytes`);
  const payload = Buffer.alloc(length);
  yield payload;
  if (type === chunk.none) {
    if (length !== 0) throw violation('an end mark with content');
  } else if (type === chunk.blockStatus) {
    if (!(request instanceof PendingStatus)) throw violation('a status that was not asked for');
    request.take(payload);
  } else if (type >= chunk.errorBit) {
    if (length < 6) throw violation('a malformed error');
    request.error = payload.readUInt32BE(0) || 5;
    const textEnd = Math.min(6 + payload.readUInt16BE(4), length);
    request.errorText = payload
      .toString('utf8', 6, textEnd)
      .replaceAll(/[^\x20-\x7e]/gu, '?')
      .slice(0, 500);
  } else {
    throw violation(`a chunk of unknown type ${type}`);
  }
}

function find(pending: Map<number, Pending>, head: Buffer, at: number): { handle: number; request: Pending } {
  const handle = head.readUInt32BE(at) === 0 ? head.readUInt32BE(at + 4) : -1;
  const request = pending.get(handle);
  if (request === undefined) throw violation('an answer to a request that was not made');
  return { handle, request };
}

function settle(pending: Map<number, Pending>, handle: number, request: Pending): void {
  if (request.error === 0) request.finish();
  else request.fail(serverError(request));
  pending.delete(handle);
}

function serverError(request: Pending): AppError {
  const name = errorName[request.error] ?? `error ${request.error}`;
  const text = `the NBD server answers ${name}${request.errorText === '' ? '' : ` (${request.errorText})`}`;
  return new AppError(request.error === noSpace ? 'storageFull' : 'diskReadFailed', text);
}
