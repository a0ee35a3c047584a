import { idOf } from '../blob-id.ts';
import type { SealingKey } from '../cipher.ts';
import { sealOverhead } from '../cipher.ts';
import { compressAlways } from '../compression.ts';
import { compressedMark, type SealedFile } from '../unpacked.ts';

/*
 * The size of an index file is promised before the packs that it will name exist. Names are random, and what zstd makes of
 * them varies by some bytes, so that files with new packs are filled up to the promise with a skippable frame: part of the
 * zstd format (RFC 8878, 3.1.2), passed over by every decoder.
 */
const skippableMagic = 0x184d2a50;
const frameHeaderBytes = 8;
/** Per new pack; the name itself takes about 36. */
const slackBytes = 6;

/** Size of the file that {@link sealPadded} makes of a text like `json`. @param newPacks with names that are yet to come */
export function promisedBytes(json: Uint8Array, newPacks: number): number {
  const slack = newPacks === 0 ? 0 : frameHeaderBytes + 16 + newPacks * slackBytes;
  return 1 + compressAlways(json).length + slack + sealOverhead;
}

/** Seals an index file with exactly `sizeBytes` bytes; with more when it cannot be done. */
export function sealPadded(key: SealingKey, json: Uint8Array, sizeBytes: number): SealedFile {
  const frame = compressAlways(json);
  const missing = sizeBytes - (1 + frame.length + sealOverhead);
  const padding = Buffer.alloc(missing >= frameHeaderBytes ? missing : 0);
  if (padding.length > 0) {
    padding.writeUInt32LE(skippableMagic, 0);
    padding.writeUInt32LE(padding.length - frameHeaderBytes, 4);
  }
  const bytes = key.seal(Buffer.concat([Buffer.of(compressedMark), frame, padding]));
  return { name: idOf(bytes).toString('hex'), bytes };
}
