import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AppError, fromWireError, messageOf } from '../../shared/errors.ts';
import type {
  Batch,
  FrameOrder,
  SealedBlobs,
  StoreOrder,
  WorkerKeys,
  WorkerReply,
  WorkerRequest,
} from './pipeline-messages.ts';

type Reply<K extends WorkerReply['kind']> = Extract<WorkerReply, { kind: K }>;

/** The batch's buffer, and what is in it. */
export type HashedBatch = Reply<'hashed'>;

/** The threads that hash, compress, seal and open. A thread that dies fails what it held and is replaced at the next call. */
export class WorkerPool {
  readonly #keys: WorkerKeys;
  readonly #size: number;
  readonly #threads: PipelineThread[] = [];

  /** @param size number of threads, default two or what the machine has */
  constructor(keys: WorkerKeys, size = Math.min(2, availableParallelism())) {
    this.#keys = keys;
    this.#size = Math.max(1, size);
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Hashes the cells and finds zeros. The buffer is gone until the answer brings it back.
   * @param frames when given, each cell but the zero ones becomes a frame first, in place: the answer's cells are those
   * @returns ids (32 bytes per cell, unset for a zero one), and 1 for each cell that holds only zeros
   * @throws AppError internal when the thread dies, repositoryDamaged when a frame was made wrong
   */
  hash(batch: Batch, frames?: FrameOrder): Promise<HashedBatch> {
    return this.#leastBusy().ask('hashed', (id) => ({ kind: 'hash', id, frames, ...batch }), [batch.bytes]);
  }

  /**
   * Compresses and seals the wanted cells. The buffer is gone until the answer brings it back, with the sealed blobs one
   * after the other from its beginning.
   * @throws AppError internal when the thread dies, repositoryDamaged when verify finds something
   */
  store(batch: Batch, order: StoreOrder): Promise<Reply<'stored'>> {
    return this.#leastBusy().ask('stored', (id) => ({ kind: 'store', id, ...batch, ...order }), [batch.bytes]);
  }

  /**
   * Opens and checks stored blobs.
   * @param read its memory is handed over where it stands alone; the answer brings back what has room around it
   * @param plain has room for all of the content; it is gone until the answer brings it back, filled from its beginning
   * @param transformKey when given, the blobs hold frames, and what is filled in is the chunks in them
   * @throws AppError repositoryDamaged naming the blob, transformKeyMissing
   */
  open(
    { bytes, room }: SealedRead,
    blobs: SealedBlobs,
    plain: ArrayBuffer,
    transformKey?: Uint8Array,
  ): Promise<Reply<'opened'>> {
    const owned = room ?? ownMemory(bytes);
    const request = { kind: 'open' as const, bytes: owned, plain, blobs, transformKey, kept: room !== undefined };
    return this.#leastBusy().ask('opened', (id) => ({ ...request, id }), [owned, plain]);
  }

  /**
   * Checks MAC, frame, length and SHA-256 of stored blobs.
   * @param read its memory is handed over where it stands alone; the answer brings it back
   * @param hashed whether the answer has to tell the SHA-256 of all bytes
   * @throws AppError internal when the thread dies
   */
  check({ bytes, room }: SealedRead, blobs: SealedBlobs, hashed: boolean): Promise<Reply<'checked'>> {
    const owned = room ?? ownMemory(bytes);
    const hashedBytes = hashed ? bytes.length : 0;
    return this.#leastBusy().ask('checked', (id) => ({ kind: 'check', id, bytes: owned, blobs, hashedBytes }), [owned]);
  }

  /** Ends the threads; whatever they still hold fails. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.end()));
  }

  #leastBusy(): PipelineThread {
    for (let i = this.#threads.length - 1; i >= 0; i--) if (this.#threads[i]?.dead === true) this.#threads.splice(i, 1);
    const idle = this.#threads.find((thread) => thread.pending === 0);
    if (idle !== undefined) return idle;
    if (this.#threads.length < this.#size) {
      const thread = new PipelineThread(this.#keys);
      this.#threads.push(thread);
      return thread;
    }
    return this.#threads.reduce((best, thread) => (thread.pending < best.pending ? thread : best));
  }
}

/** Sealed blobs, from the beginning of the room if they have one that can be handed over whole. */
export interface SealedRead {
  bytes: Buffer;
  room?: ArrayBuffer | undefined;
}

interface Waiting {
  kind: WorkerReply['kind'];
  resolve: (reply: WorkerReply) => void;
  reject: (error: AppError) => void;
}

class PipelineThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #death: AppError | undefined;

  constructor(keys: WorkerKeys) {
    // No inherited flags: a loader or test runner of the main thread has no business here.
    this.#worker = new Worker(new URL('./pipeline-worker.ts', import.meta.url), {
      workerData: keys,
      execArgv: [],
      // The thread makes hardly any objects, but each of them may hold a megabyte outside the heap.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', (reply: WorkerReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#die(messageOf(error)));
    this.#worker.on('messageerror', (error) => this.#die(messageOf(error)));
    this.#worker.on('exit', (code) => this.#die(`it ended with code ${code}`));
    this.#worker.unref();
  }

  get pending(): number {
    return this.#waiting.size;
  }

  get dead(): boolean {
    return this.#death !== undefined;
  }

  ask<K extends WorkerReply['kind']>(
    kind: K,
    request: (id: number) => WorkerRequest,
    transfer: ArrayBuffer[] = [],
  ): Promise<Reply<K>> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) return reject(this.#death);
      const id = this.#nextId++;
      // An idle thread must not keep the program alive, a working one must.
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(id, { kind, resolve: (reply) => resolve(reply as Reply<K>), reject });
      this.#worker.postMessage(request(id), transfer);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (reply.kind === 'failed') waiting?.reject(fromWireError(reply.error));
    else if (reply.kind === waiting?.kind) waiting.resolve(reply);
    else waiting?.reject(new AppError('internal', `a pipeline worker answered ${reply.kind}`));
  }

  #die(cause: string): void {
    this.#death ??= new AppError('internal', `a pipeline worker stopped: ${cause}`);
    for (const { reject } of this.#waiting.values()) reject(this.#death);
    this.#waiting.clear();
    this.#worker.unref();
  }
}

/** Memory that can be handed to a thread: the buffer's own when nothing else lies in it, else a copy. */
function ownMemory(bytes: Buffer): ArrayBuffer {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.byteOffset === 0 && buffer.byteLength === bytes.length) return buffer;
  return new Uint8Array(bytes).buffer;
}
