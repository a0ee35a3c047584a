import { longestZeroBlob, zeroBlobId } from './blob-id.ts';
import type { ContentList } from './content-list.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const TiB = 1024 * GiB;

/** The grid a disk of that size is cut by (DESIGN §6): bytes. */
export function cellBytesFor(sizeBytes: number): number {
  if (sizeBytes <= 256 * GiB) return 256 * KiB;
  if (sizeBytes <= 2 * TiB) return MiB;
  return sizeBytes <= 8 * TiB ? 2 * MiB : 4 * MiB;
}

/** What a cell is divided into that an increment finds only partly dirty; the granularity of most dirty bitmaps. */
const pieceBytes = 64 * KiB;

/** Bytes of a piece of such cells; the cells themselves when they cannot be divided. */
export function pieceBytesOf(cellBytes: number): number {
  return cellBytes % pieceBytes === 0 ? pieceBytes : cellBytes;
}

/** `restic restore --sparse` looks in a file's list for exactly this zero blob. */
export const sparseSwitchBytes = 512 * KiB;

/** A part of a cell that is not complete yet; without an id it is zeros. */
interface Part {
  id: Uint8Array | undefined;
  length: number;
}

/**
 * Builds a disk's list from its parts in order: whole cells, pieces of divided ones, zeros of any length on the grid of
 * pieces. Zero cells are collected into runs: a whole aligned 16 MiB of zeros is one entry, what is left around it goes by
 * cells, and the first run with room for it begins with the 512 KiB blob that turns on sparse restores in restic (not among
 * frames, which restic cannot restore sparse anyway). In a divided cell each zero piece is an entry. Equal disks with equal divisions give equal lists.
 */
export class DiskList {
  readonly #list: ContentList;
  readonly #cellBytes: number;
  readonly #pieceBytes: number;
  readonly #storeZeros: (length: number) => void;
  /** Where the cell at hand begins. */
  #position = 0;
  #zeroStart = 0;
  #hasSparseSwitch: boolean;
  #parts: Part[] = [];
  #partBytes = 0;

  /** @param storeZeros is told the length of each zero blob that is used, at least once */
  constructor(list: ContentList, cellBytes: number, storeZeros: (length: number) => void) {
    this.#list = list;
    this.#cellBytes = cellBytes;
    this.#pieceBytes = pieceBytesOf(cellBytes);
    this.#storeZeros = storeZeros;
    this.#hasSparseSwitch = list.form === 'frames';
  }

  /** A blob that is a cell, a piece of one, or the end of the disk. The id must stay as it is until the cell is complete. */
  addData(id: Uint8Array, length: number): void {
    if (this.#partBytes > 0 || length < this.#cellBytes) this.#addPart({ id, length });
    else this.#addCell(id, length);
  }

  addZeros(length: number): void {
    let left = length;
    if (this.#partBytes > 0) left -= this.#addPart({ id: undefined, length: left });
    const rest = left % this.#cellBytes;
    this.#position += left - rest;
    if (rest > 0) this.#addPart({ id: undefined, length: rest });
  }

  /** Writes what is left. The list is complete afterwards. */
  end(): void {
    this.#endCell();
    this.#endRun();
  }

  /** @returns how much of it belonged to the cell at hand */
  #addPart(part: Part): number {
    const length = Math.min(part.length, this.#cellBytes - this.#partBytes);
    this.#parts.push({ ...part, length });
    this.#partBytes += length;
    if (this.#partBytes === this.#cellBytes) this.#endCell();
    return length;
  }

  #endCell(): void {
    const parts = this.#parts;
    this.#parts = [];
    const cellBytes = this.#partBytes;
    this.#partBytes = 0;
    if (parts.every((part) => part.id === undefined)) this.#position += cellBytes;
    else for (const { id, length } of parts) this.#addDivided(id, length);
  }

  #addDivided(id: Uint8Array | undefined, length: number): void {
    if (id !== undefined) this.#addCell(id, length);
    else {
      this.#endRun();
      for (let at = 0; at < length; at += this.#pieceBytes) this.#zero(Math.min(this.#pieceBytes, length - at));
      this.#position += length;
      this.#zeroStart = this.#position;
    }
  }

  #addCell(id: Uint8Array, length: number): void {
    this.#endRun();
    this.#list.add(id, length);
    this.#position += length;
    this.#zeroStart = this.#position;
  }

  #endRun(): void {
    const end = this.#position;
    let at = this.#zeroStart;
    if (!this.#hasSparseSwitch && end - at >= sparseSwitchBytes) {
      this.#hasSparseSwitch = true;
      at += this.#zero(sparseSwitchBytes);
    }
    while (at < end) {
      const whole = at % longestZeroBlob === 0 && end - at >= longestZeroBlob;
      const nextCell = (Math.floor(at / this.#cellBytes) + 1) * this.#cellBytes;
      at += this.#zero(whole ? longestZeroBlob : Math.min(nextCell, end) - at);
    }
    this.#zeroStart = end;
  }

  #zero(length: number): number {
    this.#storeZeros(length);
    this.#list.add(zeroBlobId(length, this.#list.form), length);
    return length;
  }
}
