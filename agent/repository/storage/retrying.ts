import { AppError, messageOf } from '../../../shared/errors.ts';
import { abortError } from '../cancel.ts';
import { type Clock, systemClock } from '../lock.ts';
import { type ByteRange, type FileType, isRetryable, type Storage, type StoredFile } from './storage.ts';

const longestDelayMs = 60_000;
/** Counts what has passed, whatever happens to the machine's time of day. */
const steadyClock: Clock = { now: () => performance.now(), sleep: (ms, signal) => systemClock.sleep(ms, signal) };

export interface RetryOptions {
  /** Ends the waiting between tries with what it was aborted with; tries under way go on. */
  signal?: AbortSignal | undefined;
  /** One line for each failed try. */
  log?: ((message: string) => void) | undefined;
  /** Wait before the second try; it doubles up to a minute. Default 1000. */
  firstDelayMs?: number;
  /** From the first failure of a call on; a try that would start later is not made. Default 15 min. */
  maxTotalMs?: number;
  clock?: Clock;
  /** For tests: numbers in [0, 1) that spread the waits of many writers. */
  random?: () => number;
}

/**
 * Tries again what may pass when tried again (isRetryable): restic's pattern of waits. Files of a repository never change
 * and are named by their content, so a write whose outcome is unknown is repeated after a look at the size.
 */
export class RetryingStorage implements Storage {
  readonly #storage: Storage;
  readonly #signal: AbortSignal;
  readonly #log: (message: string) => void;
  readonly #firstDelayMs: number;
  readonly #maxTotalMs: number;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(storage: Storage, options: RetryOptions = {}) {
    this.#storage = storage;
    this.#signal = options.signal ?? new AbortController().signal;
    this.#log = options.log ?? (() => undefined);
    this.#firstDelayMs = options.firstDelayMs ?? 1000;
    this.#maxTotalMs = options.maxTotalMs ?? 15 * 60_000;
    this.#clock = options.clock ?? steadyClock;
    this.#random = options.random ?? Math.random;
  }

  /** The same storage with waits that end with that signal. */
  within(signal: AbortSignal): RetryingStorage {
    const [log, firstDelayMs, maxTotalMs] = [this.#log, this.#firstDelayMs, this.#maxTotalMs];
    const [clock, random] = [this.#clock, this.#random];
    return new RetryingStorage(this.#storage, { signal, log, firstDelayMs, maxTotalMs, clock, random });
  }

  get location(): string {
    return this.#storage.location;
  }

  get connections(): number {
    return this.#storage.connections;
  }

  get sending(): number {
    return this.#storage.sending ?? this.#storage.connections;
  }

  isEmpty(): Promise<boolean> {
    return this.#retry('look into', () => this.#storage.isEmpty());
  }

  prepare(): Promise<void> {
    return this.#retry('prepare', () => this.#storage.prepare());
  }

  readConfig(): Promise<Buffer | undefined> {
    return this.#retry('read config', () => this.#storage.readConfig());
  }

  writeConfig(bytes: Uint8Array): Promise<void> {
    return this.#retry('write config', async (isRepeated) => {
      if (isRepeated && (await this.#storage.readConfig())?.equals(bytes) === true) return;
      await this.#storage.writeConfig(bytes);
    });
  }

  /** Starts anew only while nothing was handed out: afterwards a second listing would repeat rows. */
  async *list(type: FileType): AsyncIterable<StoredFile> {
    const { rows, first } = await this.#retry(`list ${type} files`, async () => {
      const started = this.#storage.list(type)[Symbol.asyncIterator]();
      return { rows: started, first: await started.next() };
    });
    try {
      for (let row = first; row.done !== true; row = await rows.next()) yield row.value;
    } finally {
      await rows.return?.();
    }
  }

  size(type: FileType, name: string): Promise<number> {
    return this.#retry(`ask for ${type}/${name}`, () => this.#storage.size(type, name));
  }

  read(type: FileType, name: string, range?: ByteRange): Promise<Buffer> {
    return this.#retry(`read ${type}/${name}`, () => this.#storage.read(type, name, range));
  }

  /** The parts are needed until the end: a try that fails after sending them sends them again. */
  write(type: FileType, name: string, parts: readonly Uint8Array[]): Promise<void> {
    const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
    return this.#retry(`write ${type}/${name}`, async (isRepeated) => {
      if (isRepeated && (await this.#sizeIfThere(type, name)) === sizeBytes) return;
      await this.#storage.write(type, name, parts);
    });
  }

  remove(type: FileType, name: string): Promise<void> {
    return this.#retry(`remove ${type}/${name}`, () => this.#storage.remove(type, name));
  }

  async close(): Promise<void> {
    await this.#storage.close?.();
  }

  async #sizeIfThere(type: FileType, name: string): Promise<number | undefined> {
    try {
      return await this.#storage.size(type, name);
    } catch (error) {
      if (isRetryable(error)) throw error;
      // Not there, or nobody may ask: writing will tell.
      return undefined;
    }
  }

  /** @throws the last error, with how often it was tried; cancelled when the signal ends the waiting */
  async #retry<T>(what: string, work: (isRepeated: boolean) => Promise<T>): Promise<T> {
    let failedAt: number | undefined;
    let delayMs = this.#firstDelayMs;
    for (let tries = 1; ; tries++) {
      try {
        return await work(tries > 1);
      } catch (error) {
        if (!isRetryable(error)) throw error;
        const now = this.#clock.now();
        failedAt ??= now;
        // Between half and the whole of the delay, so that many writers do not come back at the same moment.
        const waitMs = Math.ceil(delayMs * (1 - this.#random() / 2));
        if (now - failedAt + waitMs > this.#maxTotalMs) throw givenUp(what, error, tries, now - failedAt);
        this.#log(`could not ${what} (try ${tries}, again in ${waitMs} ms): ${messageOf(error)}`);
        await this.#wait(waitMs);
        delayMs = Math.min(delayMs * 2, longestDelayMs);
      }
    }
  }

  async #wait(ms: number): Promise<void> {
    try {
      await this.#clock.sleep(ms, this.#signal);
    } catch (error) {
      throw this.#signal.aborted ? abortError(this.#signal) : error;
    }
  }
}

function givenUp(what: string, error: unknown, tries: number, totalMs: number): AppError {
  const seconds = Math.round(totalMs / 1000);
  return new AppError('storageFailed', `could not ${what}, tried ${tries} times in ${seconds} s: ${messageOf(error)}`, {
    cause: error,
    ...(error instanceof AppError ? { hint: error.hint } : {}),
  });
}
