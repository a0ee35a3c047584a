/**
 * Memory of one size that is used again and again. Making and freeing such buffers for every piece of a disk costs more
 * time in the kernel than the copying, and leaves the heaps of several threads full of holes.
 */
export class BufferPool {
  readonly #bytes: number;
  readonly #keep: number;
  readonly #free: ArrayBuffer[] = [];

  /** @param bytes of each buffer @param keep so many stay when nobody uses them */
  constructor(bytes: number, keep: number) {
    this.#bytes = bytes;
    this.#keep = keep;
  }

  /** A buffer with unknown content. @param bytes that it needs at least; beyond the pool's size it is a passing one */
  take(bytes = this.#bytes): ArrayBuffer {
    if (bytes > this.#bytes) return Buffer.allocUnsafeSlow(bytes).buffer;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes).buffer;
  }

  /** Takes a buffer back; nobody else may still use it. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#bytes && this.#free.length < this.#keep) this.#free.push(buffer);
    else buffer.transfer(0);
  }

  /** Frees what nobody uses. */
  clear(): void {
    for (const buffer of this.#free.splice(0)) buffer.transfer(0);
  }
}
