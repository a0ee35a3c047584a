import type { ContentList } from './content-list.ts';

/** Walks a list from front to back by offsets. At the end of the list `start` and `end` are its size. */
export class EntryCursor {
  readonly #list: ContentList;
  #i = -1;
  /** Where the entry's content begins and ends in the file. */
  start = 0;
  end = 0;
  /** Whether it is a known blob of zeros. */
  zero = false;

  constructor(list: ContentList) {
    this.#list = list;
    this.seek(0);
  }

  /** Number of the entry. */
  get index(): number {
    return this.#i;
  }

  get atEnd(): boolean {
    return this.#i >= this.#list.count;
  }

  /** Of the entry, in place. */
  get id(): Buffer {
    return this.#list.id(this.#i);
  }

  /** Goes forward to the entry that holds the byte at `offset`. */
  seek(offset: number): void {
    while (offset >= this.end && !this.atEnd) {
      this.#i++;
      this.start = this.end;
      if (this.atEnd) return;
      this.end += this.#list.length(this.#i);
      this.zero = this.#list.isZero(this.#i);
    }
  }
}
