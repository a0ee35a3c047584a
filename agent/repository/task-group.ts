import { throwIfAborted } from './cancel.ts';
import { Slots } from './slots.ts';

/**
 * Runs a stream of tasks, so many at a time, and fails with the first failure once every started task has settled: nothing
 * goes on behind the caller's back.
 */
export class TaskGroup {
  readonly #slots: Slots;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(limit: number, signal: AbortSignal) {
    this.#slots = new Slots(limit);
    this.#signal = signal;
  }

  /** Waits for a free place and starts the task. @throws the first failure of an earlier task, or the abort */
  async start(task: () => Promise<void>): Promise<void> {
    await this.#slots.acquire();
    if (this.#failure !== undefined || this.#signal.aborted) {
      this.#slots.release();
      this.#throwFailure();
    }
    const running = this.#run(task);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  /** Waits for all tasks. @throws the first failure, or the abort */
  async finish(): Promise<void> {
    await this.settle();
    this.#throwFailure();
  }

  /** Waits for all tasks and throws nothing: for the way out after an error. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #run(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#slots.release();
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    throwIfAborted(this.#signal);
  }
}
