import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from './cancel.ts';

/** So long a loop may keep everything else in this thread waiting. */
const longestMs = 20;

/** Lets a long loop over a list give way to timers, sockets and a cancel now and then. */
export class Breather {
  readonly #signal: AbortSignal;
  #last = performance.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get isDue(): boolean {
    return performance.now() - this.#last > longestMs;
  }

  /** @throws AppError what the signal was aborted with */
  async take(): Promise<void> {
    await setImmediate();
    throwIfAborted(this.#signal);
    this.#last = performance.now();
  }
}
