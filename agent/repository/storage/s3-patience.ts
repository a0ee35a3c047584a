/** Slower than this on the whole is no use, bytes per ms. */
const leastRate = 8;
/** A request may stumble, but not for ever. */
const longestFactor = 10;

/** The deadline of one request: so long without progress, and so long in all. */
export class Patience {
  readonly #stallMs: number;
  readonly #longestMs: number;
  readonly #onEnd: (ms: number) => void;
  #stall: NodeJS.Timeout | undefined;
  #whole: NodeJS.Timeout | undefined;
  #isLonger = false;

  /**
   * @param sizeBytes the most that is sent and received
   * @param onEnd called at most once, with how long was waited
   */
  constructor(stallMs: number, sizeBytes: number, onEnd: (ms: number) => void) {
    this.#stallMs = stallMs;
    this.#longestMs = stallMs * longestFactor + Math.ceil(sizeBytes / leastRate);
    this.#onEnd = onEnd;
  }

  begin(): void {
    this.#whole = setTimeout(() => this.#giveUp(this.#longestMs), this.#longestMs);
    this.#wait(this.#stallMs);
  }

  /** There was progress. */
  touch(): void {
    if (this.#isLonger) this.#wait(this.#stallMs);
    else this.#stall?.refresh();
    this.#isLonger = false;
  }

  /** There was progress, and the next may take longer. */
  touchAndAllow(extraMs: number): void {
    this.#wait(this.#stallMs + Math.ceil(extraMs));
    this.#isLonger = true;
  }

  end(): void {
    clearTimeout(this.#stall);
    clearTimeout(this.#whole);
    this.#whole = undefined;
  }

  #wait(ms: number): void {
    clearTimeout(this.#stall);
    if (this.#whole !== undefined) this.#stall = setTimeout(() => this.#giveUp(ms), ms);
  }

  #giveUp(ms: number): void {
    this.end();
    this.#onEnd(ms);
  }
}
