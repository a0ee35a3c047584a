import { AppError } from '../../shared/errors.ts';
import { sealBlob, verifySealed } from './blob-codec.ts';
import { idOf } from './blob-id.ts';
import type { BlobIndex } from './blob-index.ts';
import type { ByteSource } from './byte-source.ts';
import { throwIfAborted } from './cancel.ts';
import type { SealingKey } from './cipher.ts';
import { ContentList } from './content-list.ts';
import { type DiskPlan, planDisk, type PlanOptions } from './disk-plan.ts';
import { writeDisk, type WriteDiskOptions, type WrittenDisk } from './disk-writer.ts';
import { PackWriter } from './pack-writer.ts';
import type { Compression, Transformation, VerifyMode } from './pipeline-messages.ts';
import { encodeSnapshot } from './snapshot-file.ts';
import type { Storage } from './storage/storage.ts';
import type { TreeFolder } from './tree-file.ts';
import { Throttle } from './throttle.ts';
import { TreeWriter } from './tree-writer.ts';
import { sealUnpacked } from './unpacked.ts';
import type { WorkerPool } from './worker-pool.ts';

/** The parts of an open repository that a writer works with. */
export interface WriterParts {
  storage: Storage;
  key: SealingKey;
  index: BlobIndex;
  pool: WorkerPool;
}

export interface WriterOptions {
  /** Aborting it stops the writer; the lock's own signal belongs in here. */
  signal: AbortSignal;
  /** Default `sample`. */
  verify?: VerifyMode;
  /** Of disks, default `1`; trees, index and small files are always compressed. */
  compression?: Compression;
  /** Of disks; without it they are stored as they are. Small files never are transformed. */
  transformation?: Transformation | undefined;
  /** How much all disks of this writer are read per second together; null = as fast as it goes. */
  maxBytesPerSecond?: number | null;
  programVersion?: string;
}

export interface FinishOptions {
  /** From the root of the snapshot: `{ vm: { [uuid]: { 'vm.json': …, disks: { vda: { 'disk.raw': … } } } } }`; a transformed disk is `disk.hft`. */
  tree: TreeFolder;
  paths: readonly string[];
  hostname: string;
  tags: readonly string[];
  /** Epoch ms UTC. */
  time: number;
}

export interface FinishedSnapshot {
  snapshotId: string;
  treeId: string;
  /** Growth of the repository by everything this writer stored, bytes. */
  bytesStored: number;
}

/** Pieces of small files; restic's readers hold whole blobs in memory. */
const filePieceBytes = 1024 * 1024;

/**
 * Writes one snapshot. Order: packs durable, then index, then the snapshot file, so that a crash at any byte leaves at most
 * packs that nothing refers to. Ends with exactly one of {@link finish} and {@link abort}.
 */
export class SnapshotWriter {
  readonly #parts: WriterParts;
  readonly #signal: AbortSignal;
  readonly #stop = new AbortController();
  readonly #verify: VerifyMode;
  readonly #compression: Compression;
  readonly #transformation: Transformation | undefined;
  readonly #throttle: Throttle | undefined;
  readonly #programVersion: string;
  readonly #packs: PackWriter;
  readonly #startedAt = Date.now();
  #ended = false;

  constructor(parts: WriterParts, options: WriterOptions) {
    this.#parts = parts;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#verify = options.verify ?? 'sample';
    this.#compression = options.compression ?? '1';
    this.#transformation = options.transformation;
    const rate = options.maxBytesPerSecond ?? null;
    this.#throttle = rate === null ? undefined : new Throttle(rate);
    this.#programVersion = options.programVersion ?? 'holdfast';
    this.#packs = new PackWriter(parts.storage, parts.key, parts.index, this.#signal);
  }

  /**
   * Plans how a disk is read. Blobs of the parent are only taken over when the index holds them.
   * @throws AppError invalidValue, diskReadFailed, errors of the streams, cancelled
   */
  async planDisk(source: ByteSource, options: PlanOptions): Promise<DiskPlan> {
    this.#check();
    const form = this.#transformation === undefined ? 'raw' : 'frames';
    // A list names either cells or frames; a full read keeps only the division, which both forms share.
    if (options.changed !== undefined && options.parent?.form !== form)
      throw new AppError('internal', 'changes are wanted since a list of another form');
    const { index } = this.#parts;
    return planDisk(source, options, { has: (id) => index.has('data', id), signal: this.#signal });
  }

  /**
   * Stores a disk as planned by this writer. After a failure the writer can only be aborted.
   * @throws AppError diskReadFailed, storage errors, repositoryDamaged, lockLost, cancelled
   */
  writeDisk(source: ByteSource, plan: DiskPlan, options: WriteDiskOptions = {}): Promise<WrittenDisk> {
    return this.#failTogether(async () => {
      this.#check();
      const { key, pool } = this.#parts;
      const pipeline = {
        packs: this.#packs,
        pool,
        key,
        verify: this.#verify,
        compression: this.#compression,
        transformation: this.#transformation,
        throttle: this.#throttle,
        signal: this.#signal,
      };
      return writeDisk(pipeline, source, plan, options);
    });
  }

  /** Stores a small file that is in memory. @throws AppError storage errors, repositoryDamaged, cancelled */
  writeFile(bytes: Uint8Array): Promise<ContentList> {
    return this.#failTogether(() => this.#writeFile(bytes));
  }

  async #writeFile(bytes: Uint8Array): Promise<ContentList> {
    const content = new ContentList();
    for (let at = 0; at < bytes.length; at += filePieceBytes) {
      this.#check();
      const piece = bytes.subarray(at, at + filePieceBytes);
      const id = idOf(piece);
      content.add(id, piece.length);
      if (!this.#packs.claim('data', id)) continue;
      const sealed = sealBlob(this.#parts.key, piece);
      if (this.#verify !== 'off') verifySealed(this.#parts.key, sealed.bytes, { ...sealed, id });
      await this.#packs.add('data', { ...sealed, id, parts: [sealed.bytes] });
    }
    return content;
  }

  /** Stores trees, index and the snapshot file. @throws AppError invalidValue, storage errors, lockLost, cancelled */
  finish(options: FinishOptions): Promise<FinishedSnapshot> {
    return this.#failTogether(() => this.#finish(options));
  }

  async #finish(options: FinishOptions): Promise<FinishedSnapshot> {
    this.#check();
    const trees = new TreeWriter(this.#packs, this.#parts.key, this.#verify !== 'off', this.#signal);
    const treeId = await trees.write(options.tree);
    await this.#packs.flush();
    throwIfAborted(this.#signal);
    const json = encodeSnapshot({
      ...options,
      treeId,
      programVersion: this.#programVersion,
      summary: {
        startedAt: this.#startedAt,
        endedAt: Date.now(),
        files: trees.counts.files,
        folders: trees.counts.folders,
        totalBytes: trees.counts.totalBytes,
        dataBlobs: this.#packs.blobsStored.data,
        treeBlobs: this.#packs.blobsStored.tree,
        storedBytes: this.#packs.bytesStored,
      },
    });
    const file = sealUnpacked(this.#parts.key, json);
    await this.#parts.storage.write('snapshot', file.name, [file.bytes]);
    this.#ended = true;
    return {
      snapshotId: file.name,
      treeId: treeId.toString('hex'),
      bytesStored: this.#packs.bytesStored + file.bytes.length,
    };
  }

  /**
   * Gives up: waits for what is under way and writes nothing more. The repository stays one that `restic check` accepts;
   * packs that are already there wait for the next prune.
   */
  async abort(): Promise<void> {
    this.#ended = true;
    this.#stop.abort(new AppError('cancelled', 'the snapshot was given up'));
    await this.#packs.abandon();
  }

  /** A failure leaves blobs claimed that were never stored: whatever would refer to them must not be finished. */
  async #failTogether<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#stop.abort(error);
      throw error;
    }
  }

  #check(): void {
    if (this.#ended) throw new AppError('internal', 'this snapshot has already ended');
    throwIfAborted(this.#signal);
  }
}
