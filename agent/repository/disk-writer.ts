import { AppError } from '../../shared/errors.ts';
import { sealBlob, verifySealed } from './blob-codec.ts';
import { idBytes, zeroBlobId } from './blob-id.ts';
import { BufferPool } from './buffer-pool.ts';
import type { ByteSource } from './byte-source.ts';
import { type SealingKey, sealOverhead } from './cipher.ts';
import { ContentList } from './content-list.ts';
import { cellBytesFor, DiskList } from './disk-cells.ts';
import type { PackWriter } from './pack-writer.ts';
import { freeMemory } from './memory.ts';
import type { Batch, VerifyMode } from './pipeline-messages.ts';
import { cellLengths, longestRead, type PlanItem, planReads } from './read-plan.ts';
import { Slots } from './slots.ts';
import { TaskGroup } from './task-group.ts';
import type { HashedBatch, WorkerPool } from './worker-pool.ts';

export interface DiskProgress {
  /** Bytes of the disk that are dealt with, zeros included; ends at its size. */
  bytesDone: number;
  /** Bytes asked from the source. */
  bytesRead: number;
  /** Bytes of the disk that are zero. */
  zeroBytes: number;
  /** Growth of the repository. */
  bytesStored: number;
}

export interface WriteDiskOptions {
  /** Grid, bytes; default {@link cellBytesFor}. */
  cellBytes?: number;
  /** The list whose division is kept and whose clean cells are re-used (increments; not used yet). */
  parent?: ContentList;
  onProgress?: (progress: DiskProgress) => void;
}

export interface WrittenDisk extends Omit<DiskProgress, 'bytesDone'> {
  content: ContentList;
  sizeBytes: number;
  cellBytes: number;
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
  signal: AbortSignal;
}

/** Reads from the source at the same time; more gains nothing from an NBD server. */
const parallelReads = 4;
/** Cells of at most this size; a batch of one is then still small against the memory bound. */
const largestCell = 16 * 1024 * 1024;

/**
 * Stores a disk: reads in flight → threads hash → unknown cells are compressed and sealed → packs.
 * Memory: (4 + 2 per thread) buffers of max(1 MiB, a cell), which stay the same ones, and the packs under way.
 * @throws AppError diskReadFailed, storage errors, repositoryDamaged (verify before upload), cancelled
 */
export async function writeDisk(
  pipeline: DiskPipeline,
  source: ByteSource,
  options: WriteDiskOptions = {},
): Promise<WrittenDisk> {
  const cellBytes = options.cellBytes ?? cellBytesFor(source.sizeBytes);
  if (cellBytes <= 0 || cellBytes > largestCell)
    throw new AppError('invalidValue', `cells of ${cellBytes} bytes are not possible`);
  const run = new DiskRun(pipeline, source, cellBytes, options.onProgress);
  // A failure in one task must stop the planning of the next ones, and a foreign abort both.
  const stop = new AbortController();
  const signal = AbortSignal.any([pipeline.signal, stop.signal]);
  const tasks = new TaskGroup(batchesOf(pipeline.pool), signal);
  try {
    for await (const item of planReads(source, cellBytes, signal)) {
      if (item.kind === 'zero') run.addZeros(item.length);
      else await tasks.start(run.addRead(item));
    }
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

type Hashed = Pick<HashedBatch, 'ids' | 'zero'>;

/** A place in the list that is filled when its turn has come and its batch is hashed. */
interface ListItem {
  zeroLength: number;
  lengths: Uint32Array;
  hashed: Hashed | undefined;
}
const noCells = new Uint32Array(0);

class DiskRun {
  readonly #pipeline: DiskPipeline;
  readonly #source: ByteSource;
  readonly #cellBytes: number;
  readonly #onProgress: ((progress: DiskProgress) => void) | undefined;
  readonly #reads = new Slots(parallelReads);
  readonly #buffers: BufferPool;
  readonly #content = new ContentList();
  readonly #list: DiskList;
  readonly #zeroLengths = new Set<number>();
  /** Items whose turn has not come; bounded by the tasks in flight. */
  #queue: ListItem[] = [];
  #newBlobs = 0;
  readonly #progress: DiskProgress = { bytesDone: 0, bytesRead: 0, zeroBytes: 0, bytesStored: 0 };

  constructor(
    pipeline: DiskPipeline,
    source: ByteSource,
    cellBytes: number,
    onProgress: WriteDiskOptions['onProgress'],
  ) {
    this.#pipeline = pipeline;
    this.#source = source;
    this.#cellBytes = cellBytes;
    this.#onProgress = onProgress;
    const bytes = longestRead(cellBytes);
    const overhead = Math.ceil(bytes / cellBytes) * sealOverhead;
    this.#buffers = new BufferPool(bytes + overhead, batchesOf(pipeline.pool));
    this.#list = new DiskList(this.#content, cellBytes, (length) => this.#zeroLengths.add(length));
  }

  addZeros(length: number): void {
    this.#queue.push({ zeroLength: length, lengths: noCells, hashed: { ids: noIds, zero: noIds } });
    this.#drain();
  }

  /** Takes the item's place in the list now; the returned task does the work. */
  addRead(item: Extract<PlanItem, { kind: 'read' }>): () => Promise<void> {
    const place: ListItem = { zeroLength: 0, lengths: cellLengths(item.length, this.#cellBytes), hashed: undefined };
    this.#queue.push(place);
    return async () => {
      const batch = await this.#reads.run(() => this.#read(item, place.lengths));
      this.#progress.bytesRead += item.length;
      const { bytes, ids, zero } = await this.#pipeline.pool.hash(batch);
      const wanted = this.#claim({ ids, zero }, place.lengths);
      place.hashed = { ids, zero };
      this.#drain();
      this.#buffers.give(wanted === undefined ? bytes : await this.#store({ ...batch, bytes }, ids, wanted));
      this.#report();
    };
  }

  async #read(item: { offset: number; length: number }, lengths: Uint32Array): Promise<Batch> {
    const batch = { bytes: this.#buffers.take(), offset: lengths.length * sealOverhead, lengths };
    const target = Buffer.from(batch.bytes, batch.offset, item.length);
    if (this.#source.readInto !== undefined) await this.#source.readInto(item.offset, target);
    else copyRead(await this.#source.read(item.offset, item.length), target, item.offset);
    return batch;
  }

  async finish(): Promise<WrittenDisk> {
    this.#buffers.clear();
    this.#list.end();
    for (const length of this.#zeroLengths) await this.#storeZeros(length);
    this.#report();
    const { bytesRead, zeroBytes, bytesStored } = this.#progress;
    const content = this.#content;
    if (content.sizeBytes !== this.#source.sizeBytes)
      throw new AppError('internal', 'the list of a disk does not have its size');
    return {
      content,
      sizeBytes: content.sizeBytes,
      cellBytes: this.#cellBytes,
      bytesRead,
      zeroBytes,
      bytesStored,
      blobs: content.count,
      newBlobs: this.#newBlobs,
      digest: content.digest(),
    };
  }

  /** Marks the cells that nobody has yet; undefined when there are none. */
  #claim(batch: Hashed, lengths: Uint32Array): Uint8Array | undefined {
    const wanted = new Uint8Array(lengths.length);
    let any = false;
    for (let i = 0; i < lengths.length; i++) {
      if (batch.zero[i] === 1) continue;
      if (!this.#pipeline.packs.claim('data', batch.ids.subarray(i * idBytes, (i + 1) * idBytes))) continue;
      wanted[i] = 1;
      any = true;
    }
    return any ? wanted : undefined;
  }

  /** @returns the batch's buffer, which is free again */
  async #store(batch: Batch, ids: Uint8Array, wanted: Uint8Array): Promise<ArrayBuffer> {
    const stored = await this.#pipeline.pool.store(batch, { ids, wanted, verify: this.#pipeline.verify });
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

  async #storeZeros(length: number): Promise<void> {
    const id = zeroBlobId(length);
    if (!this.#pipeline.packs.claim('data', id)) return;
    const sealed = sealBlob(this.#pipeline.key, Buffer.alloc(length));
    if (this.#pipeline.verify !== 'off') verifySealed(this.#pipeline.key, sealed.bytes, { ...sealed, id });
    await this.#add({ ...sealed, id, parts: [sealed.bytes] });
  }

  async #add(blob: Parameters<PackWriter['add']>[1]): Promise<void> {
    this.#newBlobs++;
    // Not `+= await`: others add to it during the wait.
    const stored = await this.#pipeline.packs.add('data', blob);
    this.#progress.bytesStored += stored;
  }

  /** Puts into the list whatever has its turn. */
  #drain(): void {
    let done = 0;
    for (const item of this.#queue) {
      if (item.hashed === undefined) break;
      this.#append(item, item.hashed);
      done++;
    }
    if (done > 0) this.#queue = this.#queue.slice(done);
  }

  #append(item: ListItem, hashed: Hashed): void {
    this.#zeros(item.zeroLength);
    for (let i = 0; i < item.lengths.length; i++) {
      const length = item.lengths[i] as number;
      if (hashed.zero[i] === 1) this.#zeros(length);
      else {
        this.#list.addData(hashed.ids.subarray(i * idBytes, (i + 1) * idBytes), length);
        this.#progress.bytesDone += length;
      }
    }
  }

  #zeros(length: number): void {
    this.#list.addZeros(length);
    this.#progress.zeroBytes += length;
    this.#progress.bytesDone += length;
  }

  #report(): void {
    this.#onProgress?.({ ...this.#progress });
  }
}
const noIds = new Uint8Array(0);

function copyRead(bytes: Buffer, target: Buffer, offset: number): void {
  if (bytes.length !== target.length) {
    throw new AppError('diskReadFailed', `the disk gave ${bytes.length} of ${target.length} bytes at ${offset}`);
  }
  target.set(bytes);
  freeMemory(bytes);
}
