import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { freeWhole } from './memory.ts';

/** zstd 1 stores 6 % more than 3 and costs hardly more than none at all (measured with VM disks). */
const defaultLevel = '1';
const optionsByLevel = {
  '1': { params: { [constants.ZSTD_c_compressionLevel]: 1 } },
  '3': { params: { [constants.ZSTD_c_compressionLevel]: 3 } },
};
export type CompressionLevel = keyof typeof optionsByLevel;

/** One zstd frame with the content size in its header, or undefined when that would not be shorter. */
export function compress(plain: Uint8Array, level: CompressionLevel = defaultLevel): Buffer | undefined {
  if (plain.length === 0) return undefined;
  const compressed = zstdCompressSync(plain, { ...optionsByLevel[level], chunkSize: boundOf(plain.length) });
  if (compressed.length < plain.length) return compressed;
  freeWhole(compressed);
  return undefined;
}

/**
 * What zstd can need at most (ZSTD_COMPRESSBOUND in zstd.h). With less room it goes by way of a buffer of its own, and
 * each further piece of output would be a buffer that waits for the collector.
 */
function boundOf(bytes: number): number {
  return bytes + (bytes >> 8) + 1024;
}

/** Compresses even when it does not pay: for what restic always stores compressed (trees, index, snapshots). */
export function compressAlways(plain: Uint8Array): Buffer {
  return zstdCompressSync(plain, optionsByLevel[defaultLevel]);
}

/**
 * The plaintext, of at most `maxBytes` bytes.
 * @param expectedBytes when known, the output is one piece up to 256 MiB, which takes real memory only as it is filled
 * @throws Error when the frame is broken or longer than that
 */
export function decompress(compressed: Uint8Array, maxBytes: number, expectedBytes = 0): Buffer {
  // One byte more than needed: Node follows up a full buffer with another one.
  const chunkSize = expectedBytes > 0 ? Math.max(1024, expectedBytes + 1) : 64 * 1024;
  return zstdDecompressSync(compressed, {
    maxOutputLength: Math.max(1, maxBytes),
    chunkSize: Math.min(chunkSize, 256 * 1024 * 1024),
  });
}
