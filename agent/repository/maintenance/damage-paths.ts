import type { BlobRows } from '../blob-index.ts';
import type { ReaderParts } from '../blob-reader.ts';
import { throwIfAborted } from '../cancel.ts';
import { formOf, overheadOf } from '../content-form.ts';
import type { DamageBook, Problem } from './damage.ts';
import { type NodeReferences, scanContent, scanTree } from './tree-references.ts';
import { openRow } from './tree-walk.ts';

/** A part of a file, or a whole folder, that is lost. */
export interface Hit {
  problem: Problem;
  /** Absolute inside the snapshot. */
  path: string;
  /** In the content: frames around it do not count. Undefined for a folder. */
  offset: number | undefined;
  length: number | undefined;
}

/** So many hits of one tree are told apart. */
const mostHits = 2000;
const none: readonly Hit[] = [];

/** Finds the files that lost blobs belong to. Each tree is read once, however many snapshots hold it. */
export class DamageFinder {
  readonly #parts: ReaderParts;
  readonly #index: BlobRows;
  readonly #book: DamageBook;
  readonly #signal: AbortSignal;
  readonly #known = new Map<number, readonly Hit[]>();
  readonly #missing = new Map<string, Problem>();

  constructor(parts: ReaderParts, index: BlobRows, book: DamageBook, signal: AbortSignal) {
    this.#parts = parts;
    this.#index = index;
    this.#book = book;
    this.#signal = signal;
  }

  /** What is lost below a tree; paths begin there. Ordered as the files are stored. @throws storage errors, cancelled */
  async hitsOf(treeId: Buffer): Promise<readonly Hit[]> {
    const row = this.#index.rowOf('tree', treeId);
    if (row < 0) {
      const problem = this.#lost('treeMissing', `tree blob ${treeId.toString('hex')} is not in the index`);
      return [{ problem, path: '', offset: undefined, length: undefined }];
    }
    const known = this.#known.get(row);
    if (known !== undefined) return known;
    const hits = await this.#read(row);
    this.#known.set(row, hits);
    return hits;
  }

  async #read(row: number): Promise<readonly Hit[]> {
    throwIfAborted(this.#signal);
    const { pack } = this.#index.tables.tree.location(row);
    const lost = this.#book.problemOf('tree', row, pack);
    if (lost !== undefined) return [{ problem: lost, path: '', offset: undefined, length: undefined }];
    const { json, problem } = await openRow(this.#parts, this.#index, 'tree', row);
    if (json === undefined) {
      const found = this.#book.add('blobDamaged', this.#index.packName(pack), problem ?? '');
      this.#book.loseRow('tree', row, found);
      return [{ problem: found, path: '', offset: undefined, length: undefined }];
    }
    const hits: Hit[] = [];
    const folders: { at: number; name: string; subtree: Buffer }[] = [];
    scanTree(json, 'tree', (node) => {
      if (node.content !== undefined) hits.push(...this.#fileHits(node, node.content));
      else if (node.type === 'file') hits.push(this.#noContent(node));
      if (node.subtree !== undefined) folders.push({ at: hits.length, name: node.name, subtree: node.subtree });
    });
    return this.#join(hits, folders);
  }

  async #join(
    files: readonly Hit[],
    folders: readonly { at: number; name: string; subtree: Buffer }[],
  ): Promise<readonly Hit[]> {
    const hits: Hit[] = [];
    let done = 0;
    for (const { at, name, subtree } of folders) {
      hits.push(...files.slice(done, at));
      done = at;
      for (const hit of await this.hitsOf(subtree)) hits.push({ ...hit, path: `/${name}${hit.path}` });
    }
    hits.push(...files.slice(done));
    return hits.length === 0 ? none : hits.slice(0, mostHits);
  }

  #noContent(node: NodeReferences): Hit {
    const problem = this.#lost('blobMissing', `the content list of ${node.name} is missing`);
    return { problem, path: `/${node.name}`, offset: 0, length: node.sizeBytes };
  }

  #fileHits(node: NodeReferences, content: Buffer): Hit[] {
    const ranges = new LostRanges();
    const overhead = overheadOf[formOf(node.name)];
    let entries = 0;
    scanContent(content, node.name, (id) => {
      entries++;
      const row = this.#index.rowOf('data', id);
      if (row < 0) {
        ranges.addUnknown(() => this.#lost('blobMissing', `data blob ${id.toString('hex')} is not in the index`));
        return;
      }
      const blob = this.#index.tables.data.location(row);
      ranges.add(Math.max(0, blob.plainLength - overhead), this.#book.problemOf('data', row, blob.pack));
    });
    const contentBytes = node.sizeBytes - entries * overhead;
    return ranges.finish(contentBytes).map((range) => ({ ...range, path: `/${node.name}` }));
  }

  #lost(kind: 'blobMissing' | 'treeMissing', message: string): Problem {
    const known = this.#missing.get(message);
    if (known !== undefined) return known;
    const problem = this.#book.add(kind, '', message);
    this.#missing.set(message, problem);
    return problem;
  }
}

interface Range {
  problem: Problem;
  offset: number;
  length: number;
}

/** Collects the lost ranges of one file from its list. Neighbours of one kind and pack become one. */
class LostRanges {
  readonly #ranges: Range[] = [];
  #at = 0;
  /** From the first to the last blob of unknown length: how long each is, nobody knows; together they are what is left. */
  #unknown: { problem: Problem; offset: number; after: number } | undefined;
  /** Lost ones behind it; their offsets are counted from the end of the file. */
  readonly #behind: { problem: Problem; length: number; before: number }[] = [];

  add(length: number, problem: Problem | undefined): void {
    if (this.#unknown === undefined) {
      if (problem !== undefined) this.#lose({ problem, offset: this.#at, length });
      this.#at += length;
      return;
    }
    this.#unknown.after += length;
    if (problem !== undefined) this.#behind.push({ problem, length, before: this.#unknown.after });
  }

  addUnknown(problem: () => Problem): void {
    this.#behind.length = 0;
    if (this.#unknown === undefined) this.#unknown = { problem: problem(), offset: this.#at, after: 0 };
    else this.#unknown.after = 0;
  }

  /** @param sizeBytes of the whole content */
  finish(sizeBytes: number): Range[] {
    if (this.#unknown === undefined) return this.#ranges;
    const { problem, offset, after } = this.#unknown;
    const end = Math.max(offset, sizeBytes - after);
    this.#lose({ problem, offset, length: end - offset });
    for (const lost of this.#behind) {
      this.#lose({ problem: lost.problem, offset: end + lost.before - lost.length, length: lost.length });
    }
    return this.#ranges;
  }

  #lose(range: Range): void {
    const last = this.#ranges.at(-1);
    const { kind, pack } = range.problem;
    const same = last !== undefined && last.problem.kind === kind && last.problem.pack === pack;
    if (same && last.offset + last.length === range.offset) {
      last.length += range.length;
      range.problem.located = true;
    } else if (this.#ranges.length < mostHits) this.#ranges.push(range);
  }
}
