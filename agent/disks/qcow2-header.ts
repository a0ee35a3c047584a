import { AppError } from '../../shared/errors.ts';
import { readError } from './file-errors.ts';
import { openImage } from './raw-file.ts';

/** What a qcow2 file says of itself, read without any program (https://www.qemu.org/docs/master/interop/qcow2.html). */
export interface Qcow2Header {
  /** 2 (compat 0.10) or 3; only 3 can hold bitmaps. */
  version: 2 | 3;
  sizeBytes: number;
  /** Name of the backing file as written in the image; may be relative, a URL or a JSON description. */
  backingFile: string | undefined;
  backingFormat: string | undefined;
  encrypted: boolean;
  /** The data stands in another file. */
  externalData: boolean;
}

const backingFormatExtension = 0xe2792aca;
const externalDataBit = 4n;
const headerBytes = 64 * 1024;

/** @throws AppError diskMissing, diskReadFailed, diskUnsupported when it is no qcow2 image */
export async function readQcow2Header(path: string): Promise<Qcow2Header> {
  const file = await openImage(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
    return parseQcow2Header(buffer.subarray(0, bytesRead), path);
  } catch (error) {
    throw readError(path, error);
  } finally {
    await file.close();
  }
}

/** @param bytes the beginning of the file, at most 64 KiB @throws AppError diskUnsupported */
export function parseQcow2Header(bytes: Buffer, path: string): Qcow2Header {
  const wrong = (detail: string) => new AppError('diskUnsupported', `${path} is not a qcow2 image: ${detail}`);
  if (bytes.length < 72 || bytes.readUInt32BE(0) !== 0x514649fb) throw wrong('it does not begin as one');
  const version = bytes.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw wrong(`version ${version}`);
  if (version === 3 && bytes.length < 104) throw wrong('the header is cut off');
  const size = bytes.readBigUInt64BE(24);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong(`a size of ${size} bytes`);
  const incompatible = version === 3 ? bytes.readBigUInt64BE(72) : 0n;
  return {
    version,
    sizeBytes: Number(size),
    backingFile: backingName(bytes, wrong),
    backingFormat: findExtension(bytes, version === 3 ? bytes.readUInt32BE(100) : 72, backingFormatExtension),
    encrypted: bytes.readUInt32BE(32) !== 0,
    externalData: (incompatible & externalDataBit) !== 0n,
  };
}

function backingName(bytes: Buffer, wrong: (detail: string) => AppError): string | undefined {
  const offset = bytes.readBigUInt64BE(8);
  const length = bytes.readUInt32BE(16);
  if (offset === 0n) return undefined;
  if (length === 0 || length > 1023 || offset + BigInt(length) > BigInt(bytes.length))
    throw wrong('a malformed backing file name');
  return bytes.toString('utf8', Number(offset), Number(offset) + length);
}

/** Header extensions: type, length, data padded to 8 bytes, until type 0. */
function findExtension(bytes: Buffer, begin: number, wanted: number): string | undefined {
  let at = begin;
  while (at + 8 <= bytes.length) {
    const type = bytes.readUInt32BE(at);
    const length = bytes.readUInt32BE(at + 4);
    if (type === 0 || at + 8 + length > bytes.length) return undefined;
    if (type === wanted) return bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}
