/** A range of a file, bytes. */
export interface FileRange {
  offset: number;
  length: number;
}

/** Collects ordered ranges, joins those that touch, keeps the first ones and counts all. */
export class DifferenceList {
  readonly ranges: FileRange[] = [];
  readonly #keep: number;
  #count = 0;
  #end = -1;

  /** @param keep so many ranges are kept at most */
  constructor(keep: number) {
    this.#keep = keep;
  }

  /** How many ranges there are after joining. */
  get count(): number {
    return this.#count;
  }

  add(offset: number, length: number): void {
    const last = this.ranges.at(-1);
    if (offset !== this.#end) {
      this.#count++;
      if (this.#count <= this.#keep) this.ranges.push({ offset, length });
    } else if (last !== undefined && this.#count <= this.#keep) last.length += length;
    this.#end = offset + length;
  }
}
