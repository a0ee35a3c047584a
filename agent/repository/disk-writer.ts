import { AppError } from '../../shared/errors.ts';
import { sealBlob, verifySealed } from './blob-codec.ts';
import { frameOverhead } from '../transform/frame-header.ts';
import { idBytes, zeroBlob, zeroBlobId } from './blob-id.ts';
import { Breather } from './breather.ts';
import { BufferPool } from './buffer-pool.ts';
import type { ByteSource } from './byte-source.ts';
import { type SealingKey, sealOverhead } from './cipher.ts';
import type { ContentForm } from './content-form.ts';
import type { ContentList } from './content-list.ts';
import type { FileRange } from './difference-list.ts';
import { DiskAssembly } from './disk-assembly.ts';
import type { DiskPlan } from './disk-plan.ts';
import { freeMemory } from './memory.ts';
import type { PackWriter } from './pack-writer.ts';
import type { Batch, Compression, Transformation, VerifyMode } from './pipeline-messages.ts';
import { cutStep, longestRead, mostUnits, ReadBatch } from './read-batch.ts';
import { Slots } from './slots.ts';
import { TaskGroup } from './task-group.ts';
import type { Throttle } from './throttle.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface DiskProgress {
  /** Bytes of the disk that are dealt with, zeros included; ends at its size. */
  bytesDone: number;
  /** Bytes asked from the source; ends at what was planned. */
  bytesRead: number;
  /** Bytes of the disk that are zero. */
  zeroBytes: number;
  /** Growth of the repository. */
  bytesStored: number;
}

export interface WriteDiskOptions {
  onProgress?: (progress: DiskProgress) => void;
}

export interface WrittenDisk extends Omit<DiskProgress, 'bytesDone'> {
  content: ContentList;
  sizeBytes: number;
  cellBytes: number;
  /** Bytes taken over from the parent unread, zeros not counted. */
  keptBytes: number;
  /** The first 100 ranges in which an audit found other content than the parent has, although changes called them clean. */
  differences: readonly FileRange[];
  /** How many there are. */
  differenceCount: number;
  /** Entries of the list. */
  blobs: number;
  /** Blobs that the repository did not have. */
  newBlobs: number;
  /** DETAILS 4, hex. */
  digest: string;
}

/** What a disk is stored with. */
export interface DiskPipeline {
  packs: PackWriter;
  pool: WorkerPool;
  key: SealingKey;
  verify: VerifyMode;
  compression: Compression;
  /** Undefined = the disk is stored as it is. */
  transformation: Transformation | undefined;
  throttle: Throttle | undefined;
  signal: AbortSignal;
}

/** Reads from the source at the same time; more gains nothing from an NBD server. */
const parallelReads = 4;
/** What is taken over goes into the list in portions of some ten thousand entries. */
const longestUnread = 4 * 1024 ** 3;

/**
 * Stores a disk as planned: reads in flight → threads frame and hash → unknown blobs are compressed and sealed → packs.
 * Memory: (4 + 2 per thread) buffers of max(1 MiB, a cell), which stay the same ones, the packs under way, and the list.
 * @throws AppError diskReadFailed, storage errors, repositoryDamaged (verify before upload), cancelled
 */
export async function writeDisk(
  pipeline: DiskPipeline,
  source: ByteSource,
  plan: DiskPlan,
  options: WriteDiskOptions = {},
): Promise<WrittenDisk> {
  if (plan.sizeBytes !== source.sizeBytes) throw new AppError('internal', 'the plan is for another disk');
  // A failure in one task must stop the planning of the next ones, and a foreign abort both.
  const stop = new AbortController();
  const signal = AbortSignal.any([pipeline.signal, stop.signal]);
  const run = new DiskRun({ ...pipeline, signal }, source, plan, options.onProgress);
  const tasks = new TaskGroup(batchesOf(pipeline.pool), signal);
  try {
    for await (const batch of run.batches()) await tasks.start(() => run.store(batch));
    await tasks.finish();
  } catch (error) {
    stop.abort(error);
    await tasks.settle();
    throw error;
  }
  return run.finish();
}

function batchesOf(pool: WorkerPool): number {
  return parallelReads + 2 * pool.size;
}

class DiskRun {
  readonly #pipeline: DiskPipeline;
  readonly #source: ByteSource;
  readonly #plan: DiskPlan;
  readonly #onProgress: WriteDiskOptions['onProgress'];
  readonly #reads = new Slots(parallelReads);
  readonly #buffers: BufferPool;
  readonly #assembly: DiskAssembly;
  readonly #form: ContentForm;
  /** Bytes that a batch has in front for each of its cells. */
  readonly #overhead: number;
  #newBlobs = 0;
  #bytesRead = 0;
  #bytesStored = 0;

  constructor(pipeline: DiskPipeline, source: ByteSource, plan: DiskPlan, onProgress: WriteDiskOptions['onProgress']) {
    this.#pipeline = pipeline;
    this.#source = source;
    this.#plan = plan;
    this.#onProgress = onProgress;
    this.#form = pipeline.transformation === undefined ? 'raw' : 'frames';
    this.#overhead = sealOverhead + (this.#form === 'raw' ? 0 : frameOverhead);
    this.#assembly = new DiskAssembly(plan, this.#form);
    const bytes = longestRead(plan.cellBytes) + mostUnits(plan.cellBytes) * this.#overhead;
    this.#buffers = new BufferPool(bytes, batchesOf(pipeline.pool));
  }

  /** Goes through the plan, gives every step its place in the list, and yields what has to be read for it. */
  async *batches(): AsyncGenerator<ReadBatch> {
    const { cellBytes, steps } = this.#plan;
    const breather = new Breather(this.#pipeline.signal);
    let batch = new ReadBatch(cellBytes);
    for (const step of steps) {
      const isRead = step.kind === 'cells' || step.kind === 'pieces';
      for (const part of cutStep(step, isRead ? longestRead(cellBytes) : longestUnread)) {
        if (breather.isDue) await breather.take();
        if (isRead && !batch.accepts(part.length)) {
          yield batch;
          batch = new ReadBatch(cellBytes);
        }
        this.#assembly.add(part, isRead ? { batch, ...batch.add(part) } : undefined);
      }
    }
    if (batch.bytes > 0) yield batch;
  }

  async store(batch: ReadBatch): Promise<void> {
    const { lengths } = batch;
    const read = await this.#read(batch, lengths);
    const { bytes, offset, lengths: blobLengths, ids, zero } = await this.#hash(read);
    const wanted = this.#claim({ ids, zero });
    batch.hashed = { ids, zero };
    this.#assembly.drain();
    const stored = { bytes, offset, lengths: blobLengths };
    this.#buffers.give(wanted === undefined ? bytes : await this.#store(stored, ids, wanted));
    this.#report();
  }

  #hash(batch: Batch): ReturnType<WorkerPool['hash']> {
    const { pool, transformation, verify } = this.#pipeline;
    return pool.hash(batch, transformation && { ...transformation, verify });
  }

  async #read({ ranges }: ReadBatch, lengths: Uint32Array): Promise<Batch> {
    const batch = { bytes: this.#buffers.take(), offset: lengths.length * this.#overhead, lengths };
    let at = batch.offset;
    const reads = ranges.map(({ offset, length }) => {
      const target = Buffer.from(batch.bytes, at, length);
      at += length;
      return this.#reads.run(() => this.#readRange(offset, target));
    });
    // Nothing may still write into the buffer when this one fails.
    const failed = (await Promise.allSettled(reads)).find((read) => read.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return batch;
  }

  async #readRange(offset: number, target: Buffer): Promise<void> {
    await this.#pipeline.throttle?.take(target.length, this.#pipeline.signal);
    this.#bytesRead += target.length;
    if (this.#source.readInto !== undefined) await this.#source.readInto(offset, target);
    else copyRead(await this.#source.read(offset, target.length), target, offset);
  }

  async finish(): Promise<WrittenDisk> {
    this.#buffers.clear();
    this.#assembly.end();
    const { content, zeroLengths, zeroBytes, keptBytes, differences } = this.#assembly;
    for (const length of zeroLengths) await this.#storeZeros(length);
    this.#report();
    if (content.sizeBytes !== this.#plan.sizeBytes)
      throw new AppError('internal', 'the list of a disk does not have its size');
    return {
      content,
      sizeBytes: content.sizeBytes,
      cellBytes: this.#plan.cellBytes,
      bytesRead: this.#bytesRead,
      zeroBytes,
      keptBytes,
      bytesStored: this.#bytesStored,
      differences: differences.ranges,
      differenceCount: differences.count,
      blobs: content.count,
      newBlobs: this.#newBlobs,
      digest: content.digest(),
    };
  }

  /** Marks the blobs that nobody has yet; undefined when there are none. */
  #claim({ ids, zero }: { ids: Uint8Array; zero: Uint8Array }): Uint8Array | undefined {
    const wanted = new Uint8Array(zero.length);
    let any = false;
    for (let i = 0; i < zero.length; i++) {
      if (zero[i] === 1) continue;
      if (!this.#pipeline.packs.claim('data', ids.subarray(i * idBytes, (i + 1) * idBytes))) continue;
      wanted[i] = 1;
      any = true;
    }
    return any ? wanted : undefined;
  }

  /** @returns the batch's buffer, which is free again */
  async #store(batch: Batch, ids: Uint8Array, wanted: Uint8Array): Promise<ArrayBuffer> {
    const { verify, pool } = this.#pipeline;
    // What a frame is padded with has to go, whatever the pool says.
    const compression = this.#form === 'frames' ? '1' : this.#pipeline.compression;
    const stored = await pool.store(batch, { ids, wanted, verify, compression });
    let at = 0;
    let k = 0;
    for (let i = 0; i < batch.lengths.length; i++) {
      if (wanted[i] !== 1) continue;
      const length = stored.lengths[k] as number;
      await this.#add({
        id: ids.subarray(i * idBytes, (i + 1) * idBytes),
        parts: [new Uint8Array(stored.bytes, at, length)],
        plainLength: batch.lengths[i] as number,
        compressed: stored.compressed[k] === 1,
      });
      at += length;
      k++;
    }
    return stored.bytes;
  }

  /** Compressed whatever the pool says: megabytes of nothing. */
  async #storeZeros(length: number): Promise<void> {
    const id = zeroBlobId(length, this.#form);
    if (!this.#pipeline.packs.claim('data', id)) return;
    const sealed = sealBlob(this.#pipeline.key, zeroBlob(length, this.#form));
    if (this.#pipeline.verify !== 'off') verifySealed(this.#pipeline.key, sealed.bytes, { ...sealed, id });
    await this.#add({ ...sealed, id, parts: [sealed.bytes] });
  }

  async #add(blob: Parameters<PackWriter['add']>[1]): Promise<void> {
    this.#newBlobs++;
    // Not `+= await`: others add to it during the wait.
    const stored = await this.#pipeline.packs.add('data', blob);
    this.#bytesStored += stored;
  }

  #report(): void {
    const { bytesDone, zeroBytes } = this.#assembly;
    this.#onProgress?.({ bytesDone, zeroBytes, bytesRead: this.#bytesRead, bytesStored: this.#bytesStored });
  }
}

function copyRead(bytes: Buffer, target: Buffer, offset: number): void {
  if (bytes.length !== target.length) {
    throw new AppError('diskReadFailed', `the disk gave ${bytes.length} of ${target.length} bytes at ${offset}`);
  }
  target.set(bytes);
  freeMemory(bytes);
}
