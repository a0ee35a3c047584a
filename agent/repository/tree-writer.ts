import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { Readable, Writable } from 'node:stream';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { throwIfAborted } from './cancel.ts';
import type { SealingKey } from './cipher.ts';
import { ContentList } from './content-list.ts';
import { freeMemory } from './memory.ts';
import type { PackWriter } from './pack-writer.ts';
import { checkTreeName, encodeTree, type TreeFolder, type TreeNode } from './tree-file.ts';
import { notSurvived } from './blob-codec.ts';

export interface TreeCounts {
  files: number;
  folders: number;
  /** Sum of the sizes of all files. */
  totalBytes: number;
}

/** Pieces long enough to be freed one by one. */
const pieceBytes = 256 * 1024;

/** Stores the trees of a snapshot from the leaves up. A tree that the repository has costs its hashing only. */
export class TreeWriter {
  readonly #packs: PackWriter;
  readonly #key: SealingKey;
  readonly #verify: boolean;
  readonly #signal: AbortSignal;
  readonly counts: TreeCounts = { files: 0, folders: 0, totalBytes: 0 };

  /** @param verify whether each tree is opened again and compared before upload */
  constructor(packs: PackWriter, key: SealingKey, verify: boolean, signal: AbortSignal) {
    this.#packs = packs;
    this.#key = key;
    this.#verify = verify;
    this.#signal = signal;
  }

  /** @returns the id of the folder's tree blob @throws AppError invalidValue, storage errors, cancelled */
  async write(folder: TreeFolder): Promise<Buffer> {
    const nodes: TreeNode[] = [];
    for (const [name, entry] of Object.entries(folder)) {
      checkTreeName(name);
      if (entry instanceof ContentList) {
        nodes.push({ name, content: entry });
        this.counts.files++;
        this.counts.totalBytes += entry.fileBytes;
      } else {
        nodes.push({ name, subtree: await this.write(entry) });
        this.counts.folders++;
      }
    }
    return this.#writeTree(nodes);
  }

  async #writeTree(nodes: readonly TreeNode[]): Promise<Buffer> {
    const hash = createHash('sha256');
    let plainLength = 0;
    for (const piece of encodeTree(nodes)) {
      hash.update(piece);
      plainLength += piece.length;
    }
    const id = hash.digest();
    if (!this.#packs.claim('tree', id)) return id;
    // The list of a big disk is 70 MB per million entries: made twice in pieces, it never stands in memory as a whole.
    const parts = this.#key.sealPieces(drain(await this.#compress(nodes, plainLength)));
    if (this.#verify) await this.#verifyTree(parts, id);
    await this.#packs.add('tree', { id, parts: drain(parts), plainLength, compressed: true });
    return id;
  }

  /** Trees are always compressed: restic's prune would repack others each time. */
  async #compress(nodes: readonly TreeNode[], plainLength: number): Promise<Buffer[]> {
    const zstd = createZstdCompress({
      pledgedSrcSize: plainLength,
      chunkSize: pieceBytes,
      params: { [constants.ZSTD_c_compressionLevel]: 1 },
    });
    const pieces: Buffer[] = [];
    const collect = new Writable({
      write(piece: Buffer, _encoding, done) {
        pieces.push(piece);
        done();
      },
    });
    await this.#run(pipeline(Readable.from(encodeTree(nodes)), zstd, collect, { signal: this.#signal }));
    return pieces;
  }

  /** An aborted pipeline says only that it was aborted; why is what counts. */
  async #run(streams: Promise<void>): Promise<void> {
    try {
      await streams;
    } catch (error) {
      throwIfAborted(this.#signal);
      throw error;
    }
  }

  /** Verify before upload, in pieces too. @throws AppError repositoryDamaged */
  async #verifyTree(parts: readonly Buffer[], id: Buffer): Promise<void> {
    const hash = createHash('sha256');
    const check = new Writable({
      write(piece: Buffer, _encoding, done) {
        hash.update(piece);
        done();
      },
    });
    const opened = this.#key.openPieces(parts);
    if (opened !== undefined)
      await this.#run(pipeline(Readable.from(opened), createZstdDecompress(), check, { signal: this.#signal }));
    if (opened === undefined || !hash.digest().equals(id)) throw notSurvived(`tree ${id.toString('hex')} differs`);
  }
}

/** Gives the memory of each piece back as soon as the next one is asked for. */
function* drain(pieces: Buffer[]): Generator<Buffer> {
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    yield piece;
    freeMemory(piece);
  }
}
