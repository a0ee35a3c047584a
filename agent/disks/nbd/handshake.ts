import { AppError } from '../../../shared/errors.ts';
import { handshakeFlag, info, magic, maxControlBytes, option, optionErrors, optionReply } from './protocol.ts';

/** What was agreed with the server. Sizes in bytes. */
export interface NbdExport {
  sizeBytes: number;
  flags: number;
  /** Largest request the server takes. */
  maxBlockBytes: number;
  structured: boolean;
  /** Number that the server gave to each agreed context, by name. */
  contexts: ReadonlyMap<string, number>;
}

/**
 * A parser that asks for bytes by yielding the buffer they shall fill. It runs inside the socket's callback, without a
 * promise per message.
 */
export type Reader<T> = Generator<Buffer, T, void>;

/** A broken promise of the server. */
export function violation(text: string): AppError {
  return new AppError('diskReadFailed', `the NBD server breaks the protocol: ${text}`);
}

/**
 * Fixed newstyle handshake up to NBD_OPT_GO.
 * @param send writes to the server
 * @param contexts wanted metadata contexts, e.g. base:allocation; the ones that the server lacks are left out
 * @throws AppError diskReadFailed
 */
export function* handshake(
  send: (bytes: Buffer) => void,
  exportName: string,
  contexts: readonly string[],
): Reader<NbdExport> {
  const flags = yield* greeting();
  const reply = Buffer.alloc(4);
  reply.writeUInt32BE(flags);
  send(reply);
  send(optionRequest(option.structuredReply, Buffer.alloc(0)));
  const structured = (yield* optionAnswer(option.structuredReply)).type === optionReply.ack;
  const agreed =
    structured && contexts.length > 0 ? yield* askContexts(send, exportName, contexts) : new Map<string, number>();
  send(optionRequest(option.go, goRequest(exportName)));
  return { ...(yield* goAnswer(exportName)), structured, contexts: agreed };
}

function* greeting(): Reader<number> {
  const bytes = Buffer.alloc(18);
  yield bytes;
  if (bytes.readBigUInt64BE(0) !== magic.greeting) throw violation('it does not greet as an NBD server');
  if (bytes.readBigUInt64BE(8) !== magic.option) throw violation('it speaks the oldstyle handshake');
  const flags = bytes.readUInt16BE(16);
  if ((flags & handshakeFlag.fixedNewstyle) === 0) throw violation('it does not speak the fixed newstyle handshake');
  return flags & (handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes);
}

interface OptionAnswer {
  type: number;
  data: Buffer;
}

function* optionAnswer(expected: number): Reader<OptionAnswer> {
  const head = Buffer.alloc(20);
  yield head;
  if (head.readBigUInt64BE(0) !== magic.optionReply) throw violation('an option reply does not begin as one');
  if (head.readUInt32BE(8) !== expected) throw violation('it answers an option that was not asked');
  const length = head.readUInt32BE(16);
  if (length > maxControlBytes) throw violation(`an option reply of ${length} bytes`);
  const data = Buffer.alloc(length);
  yield data;
  return { type: head.readUInt32BE(12), data };
}

/** Replies that carry information before the final ack; bounded, so that a server cannot keep us here for ever. */
const maxReplies = 64;

function* askContexts(
  send: (bytes: Buffer) => void,
  exportName: string,
  names: readonly string[],
): Reader<Map<string, number>> {
  send(optionRequest(option.setMetaContext, contextRequest(exportName, names)));
  const agreed = new Map<string, number>();
  for (let replies = 0; replies < maxReplies; replies++) {
    const { type, data } = yield* optionAnswer(option.setMetaContext);
    if (type === optionReply.ack) return agreed;
    if (type >= optionReply.errorBit) return new Map();
    if (type !== optionReply.metaContext || data.length < 5) throw violation('a malformed metadata context');
    const name = data.toString('utf8', 4);
    if (!names.includes(name)) throw violation('a metadata context that was not asked for');
    agreed.set(name, data.readUInt32BE(0));
  }
  throw violation('too many metadata contexts');
}

function* goAnswer(exportName: string): Reader<Pick<NbdExport, 'sizeBytes' | 'flags' | 'maxBlockBytes'>> {
  let size: bigint | undefined;
  let flags = 0;
  let maxBlockBytes = Number.MAX_SAFE_INTEGER;
  for (let replies = 0; replies < maxReplies; replies++) {
    const { type, data } = yield* optionAnswer(option.go);
    if (type >= optionReply.errorBit) throw refused(exportName, type, data);
    if (type === optionReply.ack) {
      if (size === undefined) throw violation('it does not tell the size of the export');
      if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw violation(`a size of ${size} bytes`);
      return { sizeBytes: Number(size), flags, maxBlockBytes };
    }
    if (type !== optionReply.info || data.length < 2) throw violation('a malformed answer to NBD_OPT_GO');
    const kind = data.readUInt16BE(0);
    if (kind === info.export) {
      if (data.length !== 12) throw violation('malformed export information');
      size = data.readBigUInt64BE(2);
      flags = data.readUInt16BE(10);
    } else if (kind === info.blockSize) {
      if (data.length !== 14) throw violation('malformed block sizes');
      maxBlockBytes = Math.max(data.readUInt32BE(10), 4096);
    }
  }
  throw violation('too much export information');
}

function refused(exportName: string, type: number, data: Buffer): AppError {
  const text = data.toString('utf8', 0, 1000).replaceAll(/[^\x20-\x7e]/gu, '?');
  const reason = optionErrors[type] ?? `option error ${type - optionReply.errorBit}`;
  return new AppError(
    'diskReadFailed',
    `the NBD server refuses the export ${JSON.stringify(exportName)}: ${reason}${text === '' ? '' : ` (${text})`}`,
  );
}

function optionRequest(code: number, data: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64BE(magic.option, 0);
  head.writeUInt32BE(code, 8);
  head.writeUInt32BE(data.length, 12);
  return Buffer.concat([head, data]);
}

function withLength(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

function goRequest(exportName: string): Buffer {
  const wanted = Buffer.alloc(4);
  wanted.writeUInt16BE(1, 0);
  wanted.writeUInt16BE(info.blockSize, 2);
  return Buffer.concat([withLength(exportName), wanted]);
}

function contextRequest(exportName: string, names: readonly string[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(names.length);
  return Buffer.concat([withLength(exportName), count, ...names.map(withLength)]);
}
