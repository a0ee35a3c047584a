import { pieceBytesOf } from './disk-cells.ts';
import type { ParentCells } from './parent-cells.ts';
import { PlanSteps } from './plan-steps.ts';
import type { RunCursor } from './run-list.ts';

export interface PlannerInput {
  sizeBytes: number;
  cellBytes: number;
  /** What does not read as zeros. */
  allocated: RunCursor;
  /** What may differ from the parent; undefined = everything is read. */
  dirty: RunCursor | undefined;
  parent: ParentCells | undefined;
  parentEntries: number;
  audit: boolean;
}

/** A list may always have so many entries: 35 MiB stored per snapshot. */
const freeEntries = 1024 * 1024;

/**
 * Decides cell by cell (DESIGN §6). A clean cell is taken over. A partly dirty one is divided into pieces, and of a divided
 * one only dirty pieces are read; all pieces dirty or all zero, it is one entry again. What the source says is zero is never
 * read; what another program divided otherwise, or whose blobs are gone, is read as if it were dirty.
 */
export class CellPlanner {
  readonly steps = new PlanSteps();
  readonly #input: PlannerInput;
  readonly #pieceBytes: number;
  /** Entries that divisions may still add. */
  #entriesLeft: number;
  #at = 0;

  constructor(input: PlannerInput) {
    this.#input = input;
    this.#pieceBytes = pieceBytesOf(input.cellBytes);
    const cells = Math.ceil(input.sizeBytes / input.cellBytes);
    this.#entriesLeft = Math.max(freeEntries, 2 * cells) - input.parentEntries;
  }

  /** Plans the next cell, or a run of empty ones. @returns false at the end of the disk */
  planNext(): boolean {
    const { sizeBytes, cellBytes, allocated, parent } = this.#input;
    const start = this.#at;
    if (start >= sizeBytes) return false;
    if (parent === undefined) {
      const data = Math.min(allocated.next(start), sizeBytes);
      const skipped = data === sizeBytes ? sizeBytes - start : Math.floor((data - start) / cellBytes) * cellBytes;
      if (skipped > 0) {
        this.steps.add('zero', skipped);
        this.#at += skipped;
        return true;
      }
    }
    const end = Math.min(start + cellBytes, sizeBytes);
    this.#planCell(start, end);
    this.#at = end;
    return true;
  }

  #planCell(start: number, end: number): void {
    const { dirty, parent } = this.#input;
    const kind = parent?.look(start, end) ?? 'foreign';
    if (kind === 'foreign') this.#read('cells', start, end, false);
    else if (dirty?.touches(start, end) === true) this.#planDirty(kind, start, end);
    else if (this.#keeps && parent?.isAllThere === true) this.steps.add('keep', end - start);
    else if (kind === 'divided') this.#planPieces(start, end, { dirty: undefined, comparable: true });
    else this.#read('cells', start, end, this.#compares);
  }

  #planDirty(kind: 'zero' | 'whole' | 'divided', start: number, end: number): void {
    const dirty = this.#dirtyPieces(start, end);
    const pieces = dirty.length;
    if (!dirty.includes(false)) {
      if (kind === 'divided') this.#entriesLeft += pieces - 1;
      this.#read('cells', start, end, false);
      return;
    }
    if (kind === 'zero') this.#entriesLeft -= this.#input.parent?.entriesByBreaking() ?? 0;
    if (kind !== 'divided') {
      if (this.#entriesLeft < pieces - 1) {
        this.#read('cells', start, end, false);
        return;
      }
      this.#entriesLeft -= pieces - 1;
    }
    this.#planPieces(start, end, { dirty, comparable: kind !== 'whole' });
  }

  #dirtyPieces(start: number, end: number): boolean[] {
    const { dirty } = this.#input;
    const pieces: boolean[] = [];
    for (let at = start; at < end; at += this.#pieceBytes)
      pieces.push(dirty?.touches(at, Math.min(at + this.#pieceBytes, end)) === true);
    return pieces;
  }

  /** @param comparable whether the parent has the pieces as such, so that they can be taken over or compared */
  #planPieces(
    start: number,
    end: number,
    { dirty, comparable }: { dirty: readonly boolean[] | undefined; comparable: boolean },
  ): void {
    let i = 0;
    for (let at = start; at < end; at += this.#pieceBytes, i++) {
      const pieceEnd = Math.min(at + this.#pieceBytes, end);
      const clean = comparable && dirty?.[i] !== true;
      if (clean && this.#keeps && this.#input.parent?.isThere(i) === true) this.steps.add('keep', pieceEnd - at);
      else this.#read('pieces', at, pieceEnd, clean && this.#compares);
    }
  }

  #read(kind: 'cells' | 'pieces', start: number, end: number, compare: boolean): void {
    const zero = !this.#input.allocated.touches(start, end);
    this.steps.add(zero ? 'zero' : kind, end - start, compare);
  }

  get #keeps(): boolean {
    return this.#input.dirty !== undefined && !this.#input.audit;
  }

  get #compares(): boolean {
    return this.#input.audit;
  }
}
