/** One piece of a disk; `zero` means it reads as zeros and need not be read. Bytes. */
export interface Extent {
  offset: number;
  length: number;
  zero: boolean;
}

/** A disk that can be read at random while it stands still. Reads may run in parallel. */
export interface SourceDisk {
  /** Target or image name as the platform calls it, e.g. `vda`. */
  readonly id: string;
  /** Format of the source: raw, qcow2, vmdk, vdi, vhdx. */
  readonly format: string;
  readonly sizeBytes: number;
  /** Ordered, gap-free extents over the whole disk, asked from the source piece by piece. */
  extents(signal: AbortSignal): AsyncIterable<Extent>;
  /**
   * Reads exactly `length` bytes; the buffer belongs to the caller.
   * @throws AppError diskReadFailed
   */
  read(offset: number, length: number): Promise<Buffer>;
  /** Like `read`, into memory of the caller: fills all of `target`. Disks that can save the copy have it. */
  readInto?(offset: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A disk that is being written by a restore. Unwritten ranges read as zeros. Writes may run in parallel. */
export interface TargetDisk {
  readonly sizeBytes: number;
  /** How many writes at the same time are worth it; without it all of them. */
  readonly parallelWrites?: number;
  /** @throws AppError storageFull, storageFailed */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes everything written durable and lets go of the disk. */
  close(): Promise<void>;
}
