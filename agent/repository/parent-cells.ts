import type { ContentList } from './content-list.ts';
import { pieceBytesOf } from './disk-cells.ts';
import { EntryCursor } from './entry-cursor.ts';

/**
 * How a list holds one cell of the grid: only zeros; one blob; pieces, each a blob or zeros; or blobs that do not fall on
 * the grid (another program's list).
 */
export type CellKind = 'zero' | 'whole' | 'divided' | 'foreign';

/** Tells of the cells of an earlier list, one after the other, how they are held and whether their blobs are there. */
export class ParentCells {
  readonly #cellBytes: number;
  readonly #pieceBytes: number;
  readonly #has: (id: Uint8Array) => boolean;
  readonly #entries: EntryCursor;
  /** Per piece of the cell at hand, 1 = zeros, or a blob that is there; of an undivided cell all say the same. */
  readonly #there: Uint8Array;
  #brokenEntry = -1;

  /** @param has whether a data blob is in the index */
  constructor(list: ContentList, cellBytes: number, has: (id: Uint8Array) => boolean) {
    this.#cellBytes = cellBytes;
    this.#pieceBytes = pieceBytesOf(cellBytes);
    this.#has = has;
    this.#entries = new EntryCursor(list);
    this.#there = new Uint8Array(cellBytes / this.#pieceBytes);
  }

  /** Looks at the cell [start, end); cells come in order. */
  look(start: number, end: number): CellKind {
    const entries = this.#entries;
    this.#there.fill(1);
    let zeroBytes = 0;
    let whole = false;
    let crooked = false;
    for (let at = start; at < end; at = Math.min(entries.end, end)) {
      entries.seek(at);
      const to = Math.min(entries.end, end);
      if (entries.zero) zeroBytes += to - at;
      else if (entries.start === start && entries.end === end) {
        whole = true;
        this.#there.fill(this.#has(entries.id) ? 1 : 0);
      } else if (this.#isPiece(start, end)) {
        this.#there[(entries.start - start) / this.#pieceBytes] = this.#has(entries.id) ? 1 : 0;
      } else crooked = true;
      if (!this.#isEdge(at - start) || (to < end && !this.#isEdge(to - start))) crooked = true;
    }
    if (zeroBytes === end - start) return 'zero';
    if (crooked) return 'foreign';
    return whole ? 'whole' : 'divided';
  }

  /** Whether a piece of the cell that was looked at can be taken over as it is. */
  isThere(piece: number): boolean {
    return this.#there[piece] === 1;
  }

  get isAllThere(): boolean {
    return !this.#there.includes(0);
  }

  /** How many entries a list gets more at most when the zero cell that was looked at becomes data. */
  entriesByBreaking(): number {
    const { index, start, end } = this.#entries;
    if (index === this.#brokenEntry) return 1;
    this.#brokenEntry = index;
    return Math.ceil((end - start) / this.#cellBytes);
  }

  #isPiece(cellStart: number, cellEnd: number): boolean {
    const { start, end } = this.#entries;
    return start >= cellStart && this.#isEdge(start - cellStart) && end === Math.min(start + this.#pieceBytes, cellEnd);
  }

  #isEdge(offset: number): boolean {
    return offset % this.#pieceBytes === 0;
  }
}
