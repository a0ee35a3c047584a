import { AppError } from '../../../shared/errors.ts';
import { TaskGroup } from '../task-group.ts';
import { requestBytes, requestsInFlight, type SftpConnection } from './sftp-connection.ts';
import type { ByteRange } from './storage.ts';

/** Parts below this length are put together: a request of its own would cost more than the copy. */
const smallPart = 32 * 1024;

interface Piece {
  bytes: Buffer;
  offset: number;
}

/** Cuts the parts into pieces of one request each; large parts are not copied. */
export function* piecesOf(parts: readonly Uint8Array[], pieceBytes = requestBytes): Generator<Piece> {
  let offset = 0;
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  const flush = (): Piece => {
    const piece = { bytes: Buffer.concat(small, smallBytes), offset };
    offset += smallBytes;
    small = [];
    smallBytes = 0;
    return piece;
  };
  for (const part of parts) {
    if (smallBytes > 0 && (part.length >= smallPart || smallBytes + part.length > pieceBytes)) yield flush();
    if (part.length < smallPart) {
      small.push(part);
      smallBytes += part.length;
      continue;
    }
    for (let at = 0; at < part.length; at += pieceBytes) {
      const bytes = Buffer.from(part.buffer, part.byteOffset + at, Math.min(pieceBytes, part.length - at));
      yield { bytes, offset };
      offset += bytes.length;
    }
  }
  if (smallBytes > 0) yield flush();
}

/**
 * Writes the parts to an open file, many requests at a time. Nothing touches the parts any more when it settles.
 * @param onWritten called with the bytes of each request that the server has taken
 */
export async function writeParts(
  connection: SftpConnection,
  handle: Buffer,
  parts: readonly Uint8Array[],
  onWritten: (bytes: number) => void,
): Promise<void> {
  const group = new TaskGroup(requestsInFlight, new AbortController().signal);
  try {
    for (const { bytes, offset } of piecesOf(parts)) {
      await group.start(async () => {
        await connection.write(handle, bytes, offset);
        onWritten(bytes.length);
      });
    }
  } finally {
    await group.settle();
  }
  await group.finish();
}

/** Reads exactly the range of an open file. @throws AppError repositoryDamaged when the file is shorter */
export async function readRange(
  connection: SftpConnection,
  handle: Buffer,
  path: string,
  range: ByteRange,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(range.length);
  const group = new TaskGroup(requestsInFlight, new AbortController().signal);
  try {
    for (let at = 0; at < range.length; at += requestBytes) {
      const target = bytes.subarray(at, at + requestBytes);
      await group.start(() => fill(connection, handle, path, target, range.offset + at));
    }
  } finally {
    await group.settle();
  }
  await group.finish();
  return bytes;
}

/** A server may answer with less than was asked for. */
async function fill(connection: SftpConnection, handle: Buffer, path: string, target: Buffer, offset: number) {
  let done = 0;
  while (done < target.length) {
    const count = await connection.read(handle, target.subarray(done), offset + done);
    if (count === 0) {
      throw new AppError('repositoryDamaged', `${path} ends at ${offset + done} of ${offset + target.length} bytes`);
    }
    done += count;
  }
}
