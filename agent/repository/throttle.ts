import { setTimeout } from 'node:timers/promises';
import { abortError } from './cancel.ts';
import { Slots } from './slots.ts';

/** A waiting reader looks again at least this often. */
const longestSleepMs = 250;

/** Slows reading down: a token bucket that saves up at most one second, served in order. */
export class Throttle {
  readonly #bytesPerSecond: number;
  readonly #turn = new Slots(1);
  #tokens = 0;
  #filledAt = performance.now();

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /**
   * Waits until so many bytes may be read. One read that is longer than a second's worth goes on credit, which the next
   * ones wait for.
   * @throws AppError what the signal was aborted with
   */
  take(bytes: number, signal: AbortSignal): Promise<void> {
    return this.#turn.run(async () => {
      const needed = Math.min(bytes, this.#bytesPerSecond);
      for (;;) {
        if (signal.aborted) throw abortError(signal);
        this.#fill();
        if (this.#tokens >= needed) break;
        const ms = Math.min(Math.ceil(((needed - this.#tokens) / this.#bytesPerSecond) * 1000), longestSleepMs);
        await setTimeout(ms, undefined, { signal }).catch(() => {
          throw abortError(signal);
        });
      }
      this.#tokens -= bytes;
    });
  }

  #fill(): void {
    const now = performance.now();
    const gained = ((now - this.#filledAt) / 1000) * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#bytesPerSecond, this.#tokens + gained);
    this.#filledAt = now;
  }
}
