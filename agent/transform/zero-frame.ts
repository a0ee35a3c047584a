import { frameOverhead, keyIdBytes, writeHeader } from './frame-header.ts';

/**
 * The frame of a chunk of zeros: the same for every key and cipher, so that it is known by its hash.
 * @param length of the chunk, bytes
 */
export function zeroFrame(length: number): Buffer {
  const frame = Buffer.alloc(frameOverhead + length);
  const keyId = new Uint8Array(keyIdBytes);
  writeHeader({ cipher: 0, zstd: false, zeros: true, chunkLength: length, payloadLength: 0, keyId }, frame);
  return frame;
}
