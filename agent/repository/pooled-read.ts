import { readPack } from './blob-reader.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ByteRange, Storage } from './storage/storage.ts';

/** Part of a pack in memory of its own. */
export interface PooledRead {
  bytes: Buffer;
  /** The pool's memory that the bytes lie in; undefined when the storage brought its own. */
  room: ArrayBuffer | undefined;
}

/** Like readPack, in memory that is used again where the storage can: fresh pages cost more than reading into them. */
export async function readPooled(
  storage: Storage,
  name: string,
  range: ByteRange,
  buffers: BufferPool,
): Promise<PooledRead> {
  const room = buffers.take(range.length);
  let bytes: Buffer | undefined;
  try {
    bytes = await readPack(storage, name, range, room);
    return { bytes, room: bytes.buffer === room ? room : undefined };
  } finally {
    if (bytes?.buffer !== room) buffers.give(room);
  }
}
