import type { WireError } from '../../shared/errors.ts';

/** How many of the written blobs are opened again and compared before upload: 1 in 16, all, none. */
export type VerifyMode = 'sample' | 'all' | 'off';

/** What a worker is started with; it stays in memory. */
export interface WorkerKeys {
  encrypt: Uint8Array;
  k: Uint8Array;
  r: Uint8Array;
}

/*
 * Messages carry batches, never single blobs, and hand their buffers over instead of copying them. A batch is hashed first;
 * then the main thread, which alone knows the index, says which of its cells to store, and the same worker goes on with them.
 */
export type WorkerRequest =
  | { kind: 'hash'; id: number; bytes: ArrayBuffer; lengths: Uint32Array }
  | { kind: 'store'; id: number; batch: number; wanted: Uint8Array; verify: VerifyMode }
  | { kind: 'drop'; batch: number }
  | { kind: 'open'; id: number; bytes: ArrayBuffer; blobs: SealedBlobs };

/** Blobs inside the bytes of a request, as columns. */
export interface SealedBlobs {
  /** 32 bytes each. */
  ids: Uint8Array;
  offsets: Uint32Array;
  lengths: Uint32Array;
  plainLengths: Uint32Array;
  /** 1 = zstd frame. */
  compressed: Uint8Array;
}

export type WorkerReply =
  | { kind: 'hashed'; id: number; ids: Uint8Array; zero: Uint8Array }
  | { kind: 'stored'; id: number; bytes: ArrayBuffer; lengths: Uint32Array; compressed: Uint8Array }
  | { kind: 'opened'; id: number; bytes: ArrayBuffer; zero: Uint8Array }
  | { kind: 'failed'; id: number; error: WireError };
