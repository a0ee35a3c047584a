/** What direct I/O asks of memory and offsets at most. */
export const blockBytes = 4096;
export const bufferBytes = 1024 * 1024;
const kept = 8;
/** malloc aligns to this; a large block of its own begins so far behind a page. */
const mallocBytes = 16;

/** Tries direct I/O with a block of memory. @throws EINVAL from the kernel where its address does not do */
export type TryBlock = (block: Uint8Array) => Promise<unknown>;

/**
 * Memory whose address is a multiple of 4096. JavaScript does not tell addresses, so the kernel is asked: it refuses direct
 * I/O from anywhere else with EINVAL.
 */
class AlignedBuffers {
  readonly #free: Uint8Array[] = [];
  /** None of the places in a block was right: whatever is refused here, it is not the alignment. */
  #unusable = false;

  /** A buffer of 1 MiB; undefined when direct I/O is refused from anywhere. @throws system errors */
  async take(tryBlock: TryBlock): Promise<Uint8Array | undefined> {
    const known = this.#free.pop();
    if (known !== undefined || this.#unusable) return known;
    const memory = new ArrayBuffer(bufferBytes + blockBytes);
    for (let step = 1; step <= blockBytes / mallocBytes; step++) {
      const offset = blockBytes - step * mallocBytes;
      const block = new Uint8Array(memory, offset, blockBytes);
      if (await isAccepted(tryBlock(block))) return new Uint8Array(memory, offset, bufferBytes);
    }
    this.#unusable = true;
    return undefined;
  }

  give(buffer: Uint8Array): void {
    if (this.#free.length < kept) this.#free.push(buffer);
  }
}

/** Of this process. */
export const alignedBuffers = new AlignedBuffers();

/** False when the kernel refused it as open(2) says of O_DIRECT. @throws all other errors */
export async function isAccepted(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return false;
    throw error;
  }
}
