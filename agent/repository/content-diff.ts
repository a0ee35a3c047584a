import { AppError } from '../../shared/errors.ts';
import { idOf } from './blob-id.ts';
import { Breather } from './breather.ts';
import { throwIfAborted } from './cancel.ts';
import type { ContentForm } from './content-form.ts';
import type { ContentList } from './content-list.ts';
import type { FileRange } from './difference-list.ts';
import { EntryCursor } from './entry-cursor.ts';
import type { OpenSnapshot } from './open-snapshot.ts';

export interface DiffOptions {
  signal: AbortSignal;
  /** Whether equal content has equal blob ids in both files; not so when they are transformed differently. Default true. */
  comparable?: boolean;
}

/**
 * The ranges in which two files differ, in order, those that touch joined. Blobs are compared by id; only where the two
 * are divided differently the longer blob is read, so that its unchanged pieces are not reported. Zeros are equal however
 * they are divided. Ids that cannot be compared make everything be read. A longer file differs in what the other one lacks.
 * @throws AppError notFound, repositoryDamaged, transformKeyMissing when transformed blobs have to be read, storage errors,
 * cancelled
 */
export async function* diffContents(
  snapshotA: OpenSnapshot,
  pathA: string,
  snapshotB: OpenSnapshot,
  pathB: string,
  { signal, comparable = true }: DiffOptions,
): AsyncGenerator<FileRange> {
  const a = new Side(snapshotA, await snapshotA.fileContent(pathA));
  const b = new Side(snapshotB, await snapshotB.fileContent(pathB));
  let pending: FileRange | undefined;
  for await (const range of differing(a, b, { signal, comparable })) {
    if (pending !== undefined && pending.offset + pending.length === range.offset) pending.length += range.length;
    else {
      if (pending !== undefined) yield pending;
      pending = range;
    }
  }
  if (pending !== undefined) yield pending;
}

async function* differing(a: Side, b: Side, { signal, comparable }: Required<DiffOptions>): AsyncGenerator<FileRange> {
  const breather = new Breather(signal);
  const common = Math.min(a.sizeBytes, b.sizeBytes);
  for (let at = 0; at < common; ) {
    throwIfAborted(signal);
    if (breather.isDue) await breather.take();
    a.entry.seek(at);
    b.entry.seek(at);
    const end = Math.min(a.entry.end, b.entry.end);
    if (!(await isSame(a, b, { start: at, end, comparable }))) yield { offset: at, length: end - at };
    at = end;
  }
  const length = Math.max(a.sizeBytes, b.sizeBytes) - common;
  if (length > 0) yield { offset: common, length };
}

/** Whether [start, end) is the same; it lies in one entry of either side. */
async function isSame(
  a: Side,
  b: Side,
  { start, end, comparable }: { start: number; end: number; comparable: boolean },
): Promise<boolean> {
  if (a.entry.zero && b.entry.zero) return true;
  if (a.entry.zero) return b.isZero(start, end);
  if (b.entry.zero) return a.isZero(start, end);
  const [wholeA, wholeB] = [a.isWhole(start, end), b.isWhole(start, end)];
  if (comparable && wholeA && wholeB) return a.entry.id.equals(b.entry.id);
  // The id of a frame is no hash of its chunk.
  if (wholeA && a.form === 'raw') return b.hashEquals(start, end, a.entry.id);
  if (wholeB && b.form === 'raw') return a.hashEquals(start, end, b.entry.id);
  return (await a.bytes(start, end)).equals(await b.bytes(start, end));
}

class Side {
  readonly entry: EntryCursor;
  readonly sizeBytes: number;
  readonly form: ContentForm;
  readonly #snapshot: OpenSnapshot;
  /** Content of the entry that was read last. */
  #blob: { index: number; bytes: Buffer } | undefined;

  constructor(snapshot: OpenSnapshot, content: ContentList) {
    this.#snapshot = snapshot;
    this.entry = new EntryCursor(content);
    this.sizeBytes = content.sizeBytes;
    this.form = content.form;
  }

  /** Whether the range is exactly the entry. */
  isWhole(start: number, end: number): boolean {
    return this.entry.start === start && this.entry.end === end;
  }

  async hashEquals(start: number, end: number, id: Uint8Array): Promise<boolean> {
    return idOf(await this.bytes(start, end)).equals(id);
  }

  /** Whether part of an entry that is no zero blob is zero. */
  async isZero(start: number, end: number): Promise<boolean> {
    if (this.isWhole(start, end)) return false;
    const bytes = await this.bytes(start, end);
    return bytes[0] === 0 && bytes.subarray(1).equals(bytes.subarray(0, -1));
  }

  /** Content of the entry between two offsets of the file. @throws AppError repositoryDamaged, storage errors */
  async bytes(start: number, end: number): Promise<Buffer> {
    const { index, start: origin, id } = this.entry;
    if (this.#blob?.index !== index) this.#blob = { index, bytes: await this.#snapshot.readBlob(id, this.form) };
    const { bytes } = this.#blob;
    if (bytes.length !== this.entry.end - origin) throw new AppError('internal', 'a blob has not its listed length');
    return bytes.subarray(start - origin, end - origin);
  }
}
