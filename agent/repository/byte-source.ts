/** What the pipeline needs of something it stores: extents and random reads (a structural twin of a source disk). */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Ordered, gap-free extents over [0, sizeBytes). */
  extents(signal: AbortSignal): AsyncIterable<{ offset: number; length: number; zero: boolean }>;
  /** Exactly `length` bytes; the caller owns the buffer. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Like `read`, into memory of the caller: fills all of `target`. Sources that can save the copy have it. */
  readInto?(offset: number, target: Uint8Array): Promise<void>;
}

/** What a restore writes into; zero ranges are never written. */
export interface ByteSink {
  /**
   * How many writes at the same time are worth it; without it all of them. A file of a local file system takes one: the
   * others would only spin on its lock.
   */
  readonly parallelWrites?: number;
  /** `bytes` are gone once the promise has resolved: copy what is kept longer. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
}
