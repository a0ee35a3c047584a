import { hasCode, messageOf } from '../../../shared/errors.ts';
import { openBlob } from '../blob-codec.ts';
import { type BlobType, idBytes } from '../blob-id.ts';
import type { BlobRows } from '../blob-index.ts';
import { readPack, type ReaderParts } from '../blob-reader.ts';
import { Breather } from '../breather.ts';
import { freeMemory } from '../memory.ts';
import { TaskGroup } from '../task-group.ts';
import { readsOf, type RowRead } from './row-reads.ts';
import { type BlobSet, newBlobSet } from './row-set.ts';
import { type NodeReferences, scanContent, scanTree } from './tree-references.ts';

/** What a walk does about what it stumbles over; a throw ends it. */
export interface WalkTroubles {
  /** A tree or data blob that the index does not know; the walk goes on without it. */
  onMissing(type: BlobType, id: Buffer): void;
  /** A tree that cannot be read. */
  onDamagedTree(row: number, message: string): void;
  /** A file without a content list. */
  onNoContent(): void;
}

export interface WalkOptions extends WalkTroubles {
  signal: AbortSignal;
}

/**
 * Marks every blob that the trees need. It goes level by level, so that the trees of a thousand snapshots are read in few
 * pieces, pack by pack. Memory: one bit a blob, four bytes for each tree of a level.
 * @throws storage errors, what the handlers throw, cancelled
 */
export async function markUsed(
  parts: ReaderParts,
  index: BlobRows,
  roots: Iterable<string>,
  options: WalkOptions,
): Promise<BlobSet> {
  const walk = new Walk(parts, index, options);
  for (const root of roots) walk.addTree(Buffer.from(root, 'hex'));
  await walk.run();
  return walk.used;
}

class Walk {
  readonly used: BlobSet;
  readonly #parts: ReaderParts;
  readonly #index: BlobRows;
  readonly #options: WalkOptions;
  readonly #breather: Breather;
  #next: number[] = [];

  constructor(parts: ReaderParts, index: BlobRows, options: WalkOptions) {
    this.#parts = parts;
    this.#index = index;
    this.#options = options;
    this.#breather = new Breather(options.signal);
    this.used = newBlobSet(index);
  }

  addTree(id: Buffer): void {
    const row = this.#index.rowOf('tree', id);
    if (row < 0) this.#options.onMissing('tree', id);
    else if (this.used.tree.add(row)) this.#next.push(row);
  }

  async run(): Promise<void> {
    while (this.#next.length > 0) {
      const level = Uint32Array.from(this.#next).sort();
      this.#next = [];
      const tasks = new TaskGroup(this.#parts.storage.connections, this.#options.signal);
      try {
        for (const read of readsOf(this.#index, 'tree', level)) await tasks.start(() => this.#read(read));
      } finally {
        await tasks.settle();
      }
      await tasks.finish();
    }
  }

  async #read(read: RowRead): Promise<void> {
    for await (const { row, json, problem } of openRead(this.#parts, this.#index, 'tree', read)) {
      try {
        if (json === undefined) this.#options.onDamagedTree(row, problem ?? '');
        else scanTree(json, `tree blob ${this.#hex(row)}`, (node) => this.#visit(node));
      } catch (error) {
        if (json === undefined || !hasCode(error, 'repositoryDamaged')) throw error;
        this.#options.onDamagedTree(row, messageOf(error));
      }
      if (this.#breather.isDue) await this.#breather.take();
    }
  }

  #visit(node: NodeReferences): void {
    if (node.subtree !== undefined) this.addTree(node.subtree);
    if (node.content !== undefined) scanContent(node.content, node.name, (id) => this.#addData(id));
    else if (node.type === 'file') this.#options.onNoContent();
  }

  #addData(id: Buffer): void {
    const row = this.#index.rowOf('data', id);
    if (row < 0) this.#options.onMissing('data', id);
    else this.used.data.add(row);
  }

  #hex(row: number): string {
    return this.#index.tables.tree.id(row).toString('hex');
  }
}

export interface OpenedRow {
  row: number;
  /** Undefined when the blob is damaged; `problem` says how then. Good until the next one is asked for. */
  json: Buffer | undefined;
  problem: string | undefined;
}

/** Less is opened sooner here than a thread is told about it, and no thread has to be started. */
const worthThreadBytes = 256 * 1024;

/** No list of a disk comes near this; more would only serve to exhaust memory. */
const mostTreeBytes = 1.9 * 1024 ** 3;

/** Reads and opens the blobs of one read together; when one of them is damaged, each by itself. @throws storage errors */
export async function* openRead(
  parts: ReaderParts,
  index: BlobRows,
  type: BlobType,
  read: RowRead,
): AsyncGenerator<OpenedRow> {
  let plain: Buffer;
  if (read.plainBytes > mostTreeBytes) {
    for (const row of read.rows) yield { row, json: undefined, problem: `it is too long: ${read.plainBytes} bytes` };
    return;
  }
  try {
    const sealed = await readPack(parts.storage, index.packName(read.pack), read);
    plain = read.plainBytes < worthThreadBytes ? openHere(parts, sealed, read) : await openThere(parts, sealed, read);
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged')) throw error;
    for (const row of read.rows) yield await openRow(parts, index, type, row);
    return;
  }
  let at = 0;
  for (const [i, row] of read.rows.entries()) {
    const length = read.blobs.plainLengths[i] as number;
    yield { row, json: plain.subarray(at, at + length), problem: undefined };
    at += length;
  }
  freeMemory(plain);
}

function openHere({ key }: ReaderParts, sealed: Buffer, { blobs, rows }: RowRead): Buffer {
  const opened = rows.map((_row, i) => {
    const offset = blobs.offsets[i] as number;
    return openBlob(key, sealed.subarray(offset, offset + (blobs.lengths[i] as number)), {
      id: blobs.ids.subarray(i * idBytes, (i + 1) * idBytes),
      plainLength: blobs.plainLengths[i] as number,
      compressed: blobs.compressed[i] === 1,
    });
  });
  return opened.length === 1 ? (opened[0] as Buffer) : Buffer.concat(opened);
}

async function openThere({ pool }: ReaderParts, sealed: Buffer, read: RowRead): Promise<Buffer> {
  const room = Buffer.allocUnsafeSlow(read.plainBytes).buffer;
  return Buffer.from((await pool.open({ bytes: sealed }, read.blobs, room)).bytes);
}

/** One blob, opened in this thread. @throws storage errors */
export async function openRow(parts: ReaderParts, index: BlobRows, type: BlobType, row: number): Promise<OpenedRow> {
  const blob = index.tables[type].location(row);
  const name = index.packName(blob.pack);
  try {
    const sealed = await readPack(parts.storage, name, blob);
    const json = openBlob(parts.key, sealed, { ...blob, id: index.tables[type].id(row) });
    freeMemory(sealed);
    return { row, json, problem: undefined };
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged')) throw error;
    return { row, json: undefined, problem: messageOf(error) };
  }
}
