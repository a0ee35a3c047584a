/** Bytes in front of the payload; a frame is always its chunk's length and so many bytes more. */
export const frameOverhead = 64;
/** The part of the header that the tag covers. */
export const taggedHeaderBytes = 32;

/** The longest chunk, bytes: that of a run of zeros. */
const longestChunk = 16 * 1024 * 1024;
const magic = Buffer.from('HFT1');
const zstdFlag = 1;
const zerosFlag = 2;
export const keyIdBytes = 16;

/** The header of a frame but its tag (docs/transform.md). */
export interface FrameHeader {
  /** 0 in a frame of zeros. */
  cipher: number;
  zstd: boolean;
  zeros: boolean;
  /** Bytes. */
  chunkLength: number;
  payloadLength: number;
  /** 16 bytes, in place. */
  keyId: Uint8Array;
}

/** Writes everything before the tag into `target`. */
export function writeHeader(header: FrameHeader, target: Buffer): void {
  magic.copy(target);
  target.writeUInt8(header.cipher, 4);
  target.writeUInt8((header.zstd ? zstdFlag : 0) | (header.zeros ? zerosFlag : 0), 5);
  target.writeUInt16LE(0, 6);
  target.writeUInt32LE(header.chunkLength, 8);
  target.writeUInt32LE(header.payloadLength, 12);
  target.set(header.keyId, 16);
}

/** Reads a header of 64 bytes; undefined when it is none that this version can have written. */
export function readHeader(bytes: Buffer): FrameHeader | undefined {
  if (bytes.length < frameOverhead || !bytes.subarray(0, 4).equals(magic)) return undefined;
  const flags = bytes.readUInt8(5);
  if (flags > (zstdFlag | zerosFlag) || bytes.readUInt16LE(6) !== 0) return undefined;
  const header = {
    cipher: bytes.readUInt8(4),
    zstd: (flags & zstdFlag) !== 0,
    zeros: (flags & zerosFlag) !== 0,
    chunkLength: bytes.readUInt32LE(8),
    payloadLength: bytes.readUInt32LE(12),
    keyId: bytes.subarray(16, taggedHeaderBytes),
  };
  if (header.chunkLength === 0 || header.chunkLength > longestChunk) return undefined;
  if (header.payloadLength > header.chunkLength) return undefined;
  if (!header.zeros) return header;
  // Nothing but the length may tell two of them apart: such frames are found again by their hash alone.
  const constant = header.cipher === 0 && !header.zstd && header.payloadLength === 0 && isZero(bytes.subarray(16));
  return constant ? header : undefined;
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
