import { AppError } from '../../shared/errors.ts';
import { FrameCodec } from '../transform/frame-codec.ts';
import { openFramed } from './blob-codec.ts';
import { lengthOfBlob, readBlob, type ReaderParts } from './blob-reader.ts';
import type { ByteSink } from './byte-source.ts';
import { type ContentForm, formOf } from './content-form.ts';
import type { ContentList } from './content-list.ts';
import { restoreFile, type RestoreOptions, type RestoreProgress } from './restore-file.ts';
import type { Snapshot } from './snapshot-file.ts';
import { parseTree, type ReadNode, readContent } from './tree-reader.ts';

/** The longest file that {@link OpenSnapshot.readFile} takes into memory. */
const maxFileBytes = 16 * 1024 * 1024;

/** One name inside a folder of a snapshot. */
export interface SnapshotEntry {
  name: string;
  /** file, dir, symlink and what else restic knows. */
  type: string;
  sizeBytes: number;
}

/** A snapshot that is being read, whoever wrote it. Paths are absolute inside the snapshot: `/vm/…/vm.json`. */
export class OpenSnapshot {
  readonly snapshot: Snapshot;
  readonly #parts: ReaderParts;
  readonly #transformKey: (() => Uint8Array) | undefined;

  constructor(parts: ReaderParts, snapshot: Snapshot, transformKey?: () => Uint8Array) {
    this.#parts = parts;
    this.snapshot = snapshot;
    this.#transformKey = transformKey;
  }

  /**
   * The same snapshot, with the key of its transformed disks.
   * @param transformKey asked for when a frame has to be opened; throws transformKeyMissing when nobody has it
   */
  withKey(transformKey: (() => Uint8Array) | undefined): OpenSnapshot {
    return new OpenSnapshot(this.#parts, this.snapshot, transformKey);
  }

  /** What a folder holds. @throws AppError notFound, repositoryDamaged, storage errors */
  async listFolder(path: string): Promise<SnapshotEntry[]> {
    const tree = await this.#folder(namesOf(path), path);
    return tree.map(({ name, type, sizeBytes }) => ({ name, type, sizeBytes }));
  }

  /** A small file as a whole. @throws AppError notFound, repositoryDamaged also when it is longer than `maxBytes` */
  async readFile(path: string, maxBytes = maxFileBytes): Promise<Buffer> {
    const content = await this.fileContent(path);
    if (content.sizeBytes > maxBytes) {
      throw new AppError('repositoryDamaged', `${path} has ${content.sizeBytes} bytes, expected at most ${maxBytes}`);
    }
    const pieces: Buffer[] = [];
    for (const { id } of content.entries()) pieces.push(await readBlob(this.#parts, 'data', id));
    return Buffer.concat(pieces);
  }

  /** The blobs of a file with their lengths from the index. @throws AppError notFound, repositoryDamaged, storage errors */
  async fileContent(path: string): Promise<ContentList> {
    const node = await this.#file(path);
    const label = `the content of ${path}`;
    // `content: null` would "restore" as an empty file.
    if (node.content === undefined) throw new AppError('repositoryDamaged', `${label} is missing`);
    const { index } = this.#parts;
    const list = readContent(node.content, label, (id) => lengthOfBlob(index, id), formOf(path));
    if (list.fileBytes !== node.sizeBytes) {
      throw new AppError('repositoryDamaged', `${label} has ${list.fileBytes} bytes instead of ${node.sizeBytes}`);
    }
    return list;
  }

  /**
   * The content of one blob of a file, checked; of a frame, the chunk in it.
   * @throws AppError repositoryDamaged naming pack and blob, transformKeyMissing, storage errors
   */
  async readBlob(id: Uint8Array, form: ContentForm = 'raw'): Promise<Buffer> {
    const key = this.#keyFor(form);
    const blob = await readBlob(this.#parts, 'data', id);
    return key === undefined ? blob : openFramed(new FrameCodec(key), blob, id);
  }

  /**
   * Streams a file into the sink, a transformed disk as it was; zero ranges are not written.
   * @param content what {@link fileContent} gave for it, when it is at hand
   * @throws AppError notFound, repositoryDamaged naming pack and blob, transformKeyMissing, storage errors, errors of the
   * sink, cancelled
   */
  async restoreFile(
    path: string,
    sink: ByteSink,
    options: RestoreOptions,
    content?: ContentList,
  ): Promise<RestoreProgress> {
    const list = content ?? (await this.fileContent(path));
    return restoreFile({ ...this.#parts, transformKey: this.#keyFor(list.form) }, list, sink, options);
  }

  /** @throws AppError transformKeyMissing */
  #keyFor(form: ContentForm): Uint8Array | undefined {
    if (form === 'raw') return undefined;
    if (this.#transformKey === undefined)
      throw new AppError('transformKeyMissing', 'the disk is transformed, and its key is not here');
    return this.#transformKey();
  }

  async #file(path: string): Promise<ReadNode> {
    const names = namesOf(path);
    const name = names.pop();
    const node = (await this.#folder(names, path)).find((each) => each.name === name);
    if (node === undefined) throw missing(path);
    if (node.type !== 'file') throw new AppError('notFound', `${path} is a ${node.type}, not a file`);
    return node;
  }

  async #folder(names: readonly string[], path: string): Promise<ReadNode[]> {
    let tree = await this.#readTree(this.snapshot.treeId);
    for (const name of names) {
      const node = tree.find((each) => each.name === name);
      if (node?.subtree === undefined) throw missing(path);
      tree = await this.#readTree(node.subtree);
    }
    return tree;
  }

  async #readTree(id: string): Promise<ReadNode[]> {
    const json = await readBlob(this.#parts, 'tree', Buffer.from(id, 'hex'));
    return parseTree(json, `tree blob ${id}`);
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}

function missing(path: string): AppError {
  return new AppError('notFound', `the snapshot has no ${path}`);
}
