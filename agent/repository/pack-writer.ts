import type { BlobIndex } from './blob-index.ts';
import type { BlobType } from './blob-id.ts';
import { BlobTable } from './blob-table.ts';
import { BufferPool } from './buffer-pool.ts';
import type { SealingKey } from './cipher.ts';
import { encodeIndex, type FinishedPack } from './index-file.ts';
import { PackBuilder, type SealedBlob, targetBytes } from './pack-builder.ts';
import { headerEntryBytes } from './pack-header.ts';
import type { Storage } from './storage/storage.ts';
import { Slots } from './slots.ts';
import { TaskGroup } from './task-group.ts';
import { sealUnpacked } from './unpacked.ts';

/** When an index file is written before the end: restic's own limits. */
const indexBlobs = 50_000;
const indexAgeMs = 10 * 60_000;
/** Packs are put together in blocks of this size. */
const blockBytes = 1024 * 1024;
const nowhere = { pack: 0, offset: 0, length: 0, plainLength: 0, compressed: false };

/**
 * Stores the blobs of one writer: claims each blob once, fills packs (data and trees apart), uploads them, and writes
 * index files. Claims are not shared with other writers: a blob that only an unfinished writer has may never become indexed.
 */
export class PackWriter {
  readonly #storage: Storage;
  readonly #key: SealingKey;
  readonly #index: BlobIndex;
  readonly #signal: AbortSignal;
  readonly #uploads: TaskGroup;
  /** Bounds the packs that are full and still in memory. */
  readonly #sending: Slots;
  readonly #blocks: BufferPool;
  /** One at a time fills packs: while a full pack waits for its upload, the others must not fill more of them. */
  readonly #filling = new Slots(1);
  #claims: Record<BlobType, BlobTable> = { data: new BlobTable(), tree: new BlobTable() };
  readonly #open: Partial<Record<BlobType, PackBuilder>> = {};
  #unindexed: FinishedPack[] = [];
  #unindexedBlobs = 0;
  #lastIndexAt = Date.now();
  #bytesStored = 0;
  readonly blobsStored: Record<BlobType, number> = { data: 0, tree: 0 };

  constructor(storage: Storage, key: SealingKey, index: BlobIndex, signal: AbortSignal) {
    this.#storage = storage;
    this.#key = key;
    this.#index = index;
    this.#signal = signal;
    this.#uploads = new TaskGroup(storage.connections, signal);
    const sending = storage.sending ?? storage.connections;
    this.#sending = new Slots(sending);
    // One pack fills while the others are sent.
    this.#blocks = new BufferPool(blockBytes, (sending + 1) * (targetBytes / blockBytes + 1));
  }

  /** Bytes of all files written so far: packs and index files. */
  get bytesStored(): number {
    return this.#bytesStored;
  }

  /** True when the caller has to store the blob: nobody has it, and from now on it counts as had. */
  claim(type: BlobType, id: Uint8Array): boolean {
    if (this.#index.has(type, id) || this.#claims[type].has(id)) return false;
    this.#claims[type].add(id, nowhere);
    return true;
  }

  /**
   * Takes a copy of a claimed blob and waits while too many packs are being uploaded.
   * @returns bytes by which the repository grows: the blob and its header entry
   * @throws storage errors of this or an earlier upload
   */
  add(type: BlobType, blob: SealedBlob): Promise<number> {
    return this.#filling.run(() => this.#add(type, blob));
  }

  async #add(type: BlobType, blob: SealedBlob): Promise<number> {
    const builder = (this.#open[type] ??= new PackBuilder(type, this.#blocks));
    const length = builder.add(blob);
    this.blobsStored[type]++;
    if (builder.isFull) {
      delete this.#open[type];
      await this.#upload(builder);
    }
    return length + headerEntryBytes(blob.compressed);
  }

  /** Makes everything durable and indexed. @throws storage errors */
  async flush(): Promise<void> {
    for (const type of ['data', 'tree'] as const) {
      const builder = this.#open[type];
      delete this.#open[type];
      if (builder !== undefined) await this.#upload(builder);
    }
    await this.#uploads.finish();
    this.#blocks.clear();
    await this.#writeIndex();
  }

  /** Waits for the uploads under way after a failure; the packs they leave are unreferenced, which restic accepts. */
  async abandon(): Promise<void> {
    await this.#uploads.settle();
    this.#blocks.clear();
  }

  async #upload(builder: PackBuilder): Promise<void> {
    const { pack, parts, sizeBytes } = builder.finish(this.#key);
    const onSent = await this.#hold(builder);
    const upload = async () => {
      await this.#storage.write('data', pack.name, parts, onSent).finally(onSent);
      this.#bytesStored += sizeBytes;
      this.#unindexed.push(pack);
      this.#unindexedBlobs += pack.blobs.length;
      const old = Date.now() - this.#lastIndexAt >= indexAgeMs;
      if (this.#unindexedBlobs >= indexBlobs || old) await this.#writeIndex();
    };
    await this.#uploads.start(upload).catch((error: unknown) => {
      onSent();
      throw error;
    });
  }

  /** Waits until one more pack may stand in memory. @returns what gives its memory back, however often it is called */
  async #hold(builder: PackBuilder): Promise<() => void> {
    await this.#sending.acquire();
    let held = true;
    return () => {
      if (held) this.#sending.release();
      held = false;
      builder.release();
    };
  }

  /** One index file over all durable packs that have none yet; all blobs of a pack stand in one file. */
  async #writeIndex(): Promise<void> {
    const packs = this.#unindexed;
    if (packs.length === 0 || this.#signal.aborted) return;
    this.#unindexed = [];
    this.#unindexedBlobs = 0;
    this.#lastIndexAt = Date.now();
    const file = sealUnpacked(this.#key, encodeIndex(packs));
    await this.#storage.write('index', file.name, [file.bytes]);
    this.#bytesStored += file.bytes.length;
    this.#index.addWritten(file.name, packs);
    this.#forgetIndexedClaims();
  }

  #forgetIndexedClaims(): void {
    const claims = { data: new BlobTable(), tree: new BlobTable() };
    for (const type of ['data', 'tree'] as const) {
      const old = this.#claims[type];
      for (let row = 0; row < old.size; row++) {
        const id = old.id(row);
        if (!this.#index.has(type, id)) claims[type].add(id, nowhere);
      }
    }
    this.#claims = claims;
  }
}
