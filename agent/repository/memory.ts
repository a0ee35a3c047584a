/** Buffers below this may share Node's pool, and are not worth the trouble. */
const worthBytes = 64 * 1024;

/**
 * Gives the memory of a dead buffer back at once; it is empty afterwards. The collector sees only the small handles of
 * buffers and would let hundreds of megabytes pile up before it runs.
 */
export function freeMemory(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (bytes.length < worthBytes || bytes.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0);
}
