/** What direct I/O asks of memory, lengths and offsets at most. */
export const blockBytes = 4096;
export const bufferBytes = 1024 * 1024;
const count = 8;

/** The type library of Node leaves it out. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};
const wasmPageBytes = 64 * 1024;

/**
 * Memory whose address is a multiple of 4096, in pieces of 1 MiB. Node's own buffers begin anywhere, and an address that
 * the kernel takes for one block it may refuse for many; the memory of WebAssembly begins at a page.
 */
class AlignedBuffers {
  #free: Uint8Array[] | undefined;
  readonly #waiting: Array<(buffer: Uint8Array) => void> = [];

  /** A buffer of 1 MiB, at the latest when somebody gives one back. */
  async take(): Promise<Uint8Array> {
    this.#free ??= allocate();
    return this.#free.pop() ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
  }

  give(buffer: Uint8Array): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free?.push(buffer);
    else next(buffer);
  }
}

function allocate(): Uint8Array[] {
  const pages = (count * bufferBytes) / wasmPageBytes;
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return Array.from({ length: count }, (_, index) => new Uint8Array(buffer, index * bufferBytes, bufferBytes));
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
