/** Buffers up to this may share Node's pool (8 KiB, 64 in newer ones), and are not worth the trouble. */
const worthBytes = 64 * 1024;

/**
 * Gives the memory of a dead buffer back at once; it is empty afterwards. The collector sees only the small handles of
 * buffers and would let hundreds of megabytes pile up before it runs. Views of larger memory are left alone.
 */
export function freeMemory(bytes: Uint8Array): void {
  if (bytes.length === bytes.buffer.byteLength) freeWhole(bytes);
}

/** Like {@link freeMemory} for a view of memory that is known to hold nothing else that matters. */
export function freeWhole(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer.byteLength > worthBytes && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
