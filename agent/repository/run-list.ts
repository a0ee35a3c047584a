/** Ordered ranges of bytes in flat memory, 16 bytes each; ranges that touch are joined. */
export class RunList {
  #bounds = new Float64Array(128);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds the range [start, end) behind the others. */
  add(start: number, end: number): void {
    if (this.#count > 0 && this.end(this.#count - 1) === start) {
      this.#bounds[this.#count * 2 - 1] = end;
      return;
    }
    if (this.#count * 2 === this.#bounds.length) {
      const grown = new Float64Array(this.#bounds.length * 2);
      grown.set(this.#bounds);
      this.#bounds = grown;
    }
    this.#bounds[this.#count * 2] = start;
    this.#bounds[this.#count * 2 + 1] = end;
    this.#count++;
  }

  start(i: number): number {
    return this.#bounds[i * 2] as number;
  }

  end(i: number): number {
    return this.#bounds[i * 2 + 1] as number;
  }
}

/** Asks a {@link RunList} about ranges whose beginnings never go back. */
export class RunCursor {
  readonly #runs: RunList;
  #i = 0;

  constructor(runs: RunList) {
    this.#runs = runs;
  }

  /** Whether any run has a byte in [start, end). */
  touches(start: number, end: number): boolean {
    return this.next(start) < end;
  }

  /** The first byte at or behind `from` that lies in a run; Infinity when there is none. */
  next(from: number): number {
    while (this.#i < this.#runs.count && this.#runs.end(this.#i) <= from) this.#i++;
    return this.#i === this.#runs.count ? Infinity : Math.max(from, this.#runs.start(this.#i));
  }
}
