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

/** `restic restore --sparse` looks in a file's list for exactly this zero blob. */
export const sparseSwitchBytes = 512 * KiB;

/**
 * Builds a disk's list from cells in order. Zero cells are collected into runs: a whole aligned 16 MiB of zeros is one
 * entry, what is left around it goes by cells, and the first run with room for it begins with the 512 KiB blob that turns
 * on sparse restores in restic. Equal disks give equal lists.
 */
export class DiskList {
  readonly #list: ContentList;
  readonly #cellBytes: number;
  readonly #storeZeros: (length: number) => void;
  #position = 0;
  #zeroStart = 0;
  #hasSparseSwitch = false;

  /** @param storeZeros is told the length of each zero blob that is used, at least once */
  constructor(list: ContentList, cellBytes: number, storeZeros: (length: number) => void) {
    this.#list = list;
    this.#cellBytes = cellBytes;
    this.#storeZeros = storeZeros;
  }

  addData(id: Uint8Array, length: number): void {
    this.#endRun();
    this.#list.add(id, length);
    this.#position += length;
    this.#zeroStart = this.#position;
  }

  addZeros(length: number): void {
    this.#position += length;
  }

  /** Writes the last run. The list is complete afterwards. */
  end(): void {
    this.#endRun();
  }

  #endRun(): void {
    const end = this.#position;
    let at = this.#zeroStart;
    if (!this.#hasSparseSwitch && end - at >= sparseSwitchBytes) {
      this.#hasSparseSwitch = true;
      at = this.#zero(at, sparseSwitchBytes);
    }
    while (at < end) {
      const whole = at % longestZeroBlob === 0 && end - at >= longestZeroBlob;
      const nextCell = (Math.floor(at / this.#cellBytes) + 1) * this.#cellBytes;
      at = this.#zero(at, whole ? longestZeroBlob : Math.min(nextCell, end) - at);
    }
    this.#zeroStart = end;
  }

  #zero(at: number, length: number): number {
    this.#storeZeros(length);
    this.#list.add(zeroBlobId(length), length);
    return at + length;
  }
}
