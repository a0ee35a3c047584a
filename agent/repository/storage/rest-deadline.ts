/** Expires when nothing moves for a while. Ended deadlines stay quiet. */
export class Deadline {
  readonly #ms: number;
  readonly #onExpired: () => void;
  #timer: NodeJS.Timeout;
  #hasEnded = false;

  /** @param ms without progress until `onExpired` is called */
  constructor(ms: number, onExpired: () => void) {
    this.#ms = ms;
    this.#onExpired = onExpired;
    this.#timer = setTimeout(onExpired, ms);
  }

  /** Something moved. */
  progress(): void {
    if (!this.#hasEnded) this.#timer.refresh();
  }

  /** Does not count while we are the ones who wait for something else. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  resume(): void {
    clearTimeout(this.#timer);
    if (!this.#hasEnded) this.#timer = setTimeout(this.#onExpired, this.#ms);
  }

  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }
}
