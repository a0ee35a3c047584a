import type { ByteSink } from './byte-source.ts';
import { inPack, type ReaderParts } from './blob-reader.ts';
import type { ContentList } from './content-list.ts';
import { BufferPool } from './buffer-pool.ts';
import { overheadOf } from './content-form.ts';
import { readPooled } from './pooled-read.ts';
import { maxPlainBytes, maxReadBytes, type PackRead, planRestore } from './restore-plan.ts';
import { throwIfAborted } from './cancel.ts';
import { Slots } from './slots.ts';
import { TaskGroup } from './task-group.ts';

export interface RestoreProgress {
  /** Content bytes verified and written. */
  bytesDone: number;
  /** Content bytes of all entries that are not known zero blobs. */
  bytesTotal: number;
}

export interface RestoreOptions {
  signal: AbortSignal;
  onProgress?: (progress: RestoreProgress) => void;
}

/** The packs of a file, and what opens the frames in them, if there are any. */
export type FileReaderParts = ReaderParts & { transformKey: Uint8Array | undefined };

/**
 * Streams a file into the sink: packs are read in order with neighbouring blobs together, threads check and open them, and
 * whatever is not zero is written. Writes arrive in no fixed order and several at a time.
 * Memory: (2 + 2 per thread) reads of up to 2 MiB stored and 4 MiB of content (or one longer blob), 24 bytes an entry.
 * @throws AppError repositoryDamaged naming pack and blob; transformKeyMissing; storage errors; errors of the sink; cancelled
 */
export async function restoreFile(
  parts: FileReaderParts,
  content: ContentList,
  sink: ByteSink,
  options: RestoreOptions,
): Promise<RestoreProgress> {
  const progress: RestoreProgress = { bytesDone: 0, bytesTotal: content.nonZeroBytes() };
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const inFlight = 2 + 2 * parts.pool.size;
  const tasks = new TaskGroup(inFlight, signal);
  const buffers = new BufferPool(maxPlainBytes, inFlight);
  const sealedBuffers = new BufferPool(maxReadBytes, inFlight);
  const overhead = overheadOf[content.form];
  const writes = new Slots(sink.parallelWrites ?? Infinity);
  const target: ByteSink = { write: (offset, bytes) => writes.run(() => sink.write(offset, bytes)) };
  options.onProgress?.({ ...progress });
  try {
    for (const read of planRestore(content, parts.index)) {
      await tasks.start(async () => {
        // Not `+= await`: that would add to what it was before the wait.
        const done = await restoreRead({ ...parts, buffers, sealedBuffers, overhead }, read, target, signal);
        progress.bytesDone += done;
        options.onProgress?.({ ...progress });
      });
    }
    await tasks.finish();
    buffers.clear();
    sealedBuffers.clear();
  } catch (error) {
    stop.abort(error);
    await tasks.settle();
    throw error;
  }
  return progress;
}

type ReadParts = FileReaderParts & { buffers: BufferPool; sealedBuffers: BufferPool; overhead: number };

/** @returns content bytes that are now in place */
async function restoreRead(parts: ReadParts, read: PackRead, sink: ByteSink, signal: AbortSignal): Promise<number> {
  const sealed = await readPooled(parts.storage, read.packName, read, parts.sealedBuffers);
  throwIfAborted(signal);
  const plainBytes = read.blobs.plainLengths.reduce((sum, length) => sum + length, 0);
  const room = parts.buffers.take(plainBytes);
  const opened = await parts.pool.open(sealed, read.blobs, room, parts.transformKey).catch((error: unknown) => {
    throw inPack(read.packName, error);
  });
  if (opened.sealed !== undefined) parts.sealedBuffers.give(opened.sealed);
  const plain = Buffer.from(opened.bytes);
  const pending = new PendingWrite(plain, sink);
  let at = 0;
  let done = 0;
  for (let i = 0; i < read.targets.length; i++) {
    const length = (read.blobs.plainLengths[i] as number) - parts.overhead;
    for (const target of read.targets[i] ?? []) {
      throwIfAborted(signal);
      done += length;
      if (opened.zero[i] !== 1) await pending.write(at, length, target);
    }
    at += length;
  }
  await pending.flush();
  parts.buffers.give(opened.bytes);
  return done;
}

/** Joins neighbouring blobs that also stand side by side in the file into one write. */
class PendingWrite {
  readonly #plain: Buffer;
  readonly #sink: ByteSink;
  #start = 0;
  #end = 0;
  #target = 0;

  constructor(plain: Buffer, sink: ByteSink) {
    this.#plain = plain;
    this.#sink = sink;
  }

  async write(start: number, length: number, target: number): Promise<void> {
    const follows = start === this.#end && target === this.#target + (this.#end - this.#start);
    if (!follows) {
      await this.flush();
      this.#start = start;
      this.#target = target;
    }
    this.#end = start + length;
  }

  async flush(): Promise<void> {
    if (this.#end > this.#start) await this.#sink.write(this.#target, this.#plain.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
