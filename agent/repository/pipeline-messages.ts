import type { WireError } from '../../shared/errors.ts';
import type { TransformCipher } from '../../shared/model/transform.ts';

/** How many of the written blobs are opened again and compared before upload: 1 in 16, all, none. */
export type VerifyMode = 'sample' | 'all' | 'off';
export const sampleEvery = 16;

/** zstd level of disk content; off = stored as it is. */
export type Compression = '1' | '3' | 'off';

/** What a worker is started with; it stays in memory. */
export interface WorkerKeys {
  encrypt: Uint8Array;
  k: Uint8Array;
  r: Uint8Array;
}

/** How the cells of a disk are transformed; it stays in memory. */
export interface Transformation {
  cipher: TransformCipher;
  /** 32 bytes. */
  key: Uint8Array;
}

/** How cells become frames; some frames are opened again and compared. */
export interface FrameOrder extends Transformation {
  verify: VerifyMode;
}

/** Cells of a disk that travel in one buffer, which has room for what framing and sealing add to each of them. */
export interface Batch {
  bytes: ArrayBuffer;
  /** Where the first cell begins: the room in front lets the cells be framed and sealed in place. */
  offset: number;
  lengths: Uint32Array;
}

/** Which cells of a hashed batch to store, and how. */
export interface StoreOrder {
  /** 32 bytes per cell, as they came from `hash`. */
  ids: Uint8Array;
  /** 1 = store the cell. */
  wanted: Uint8Array;
  verify: VerifyMode;
  compression: Compression;
}

/*
 * Messages carry batches, never single blobs, and hand their buffers to and fro instead of copying them. A batch is framed,
 * where a transformation is wanted, and hashed first; then the main thread, which alone knows the index, says which of its
 * cells to store.
 */
export type WorkerRequest =
  | ({ kind: 'hash'; id: number; frames: FrameOrder | undefined } & Batch)
  | ({ kind: 'store'; id: number } & StoreOrder & Batch)
  | { kind: 'check'; id: number; bytes: ArrayBuffer; blobs: SealedBlobs; hashedBytes: number }
  | {
      kind: 'open';
      id: number;
      bytes: ArrayBuffer;
      plain: ArrayBuffer;
      blobs: SealedBlobs;
      /** Of the frames that the blobs hold; undefined = they hold the content itself. */
      transformKey: Uint8Array | undefined;
      /** Whether the memory of the sealed bytes is wanted back. */
      kept: boolean;
    };

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

/** What is wrong with one of the blobs of a request. */
export interface BlobProblem {
  blob: number;
  message: string;
}

export type WorkerReply =
  | ({ kind: 'hashed'; id: number; ids: Uint8Array; zero: Uint8Array } & Batch)
  | { kind: 'stored'; id: number; bytes: ArrayBuffer; lengths: Uint32Array; compressed: Uint8Array }
  | { kind: 'opened'; id: number; bytes: ArrayBuffer; zero: Uint8Array; sealed: ArrayBuffer | undefined }
  | { kind: 'checked'; id: number; bytes: ArrayBuffer; problems: BlobProblem[]; sha256: string }
  | { kind: 'failed'; id: number; error: WireError };
