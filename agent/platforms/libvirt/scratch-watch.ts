import { statfs } from 'node:fs/promises';
import { AppError, messageOf } from '../../../shared/errors.ts';

const mib = 1024 * 1024;

/** A job is given up while this much is left: what the guest writes in the meantime must still find room. Bytes. */
const reserveBytes = 32 * mib;

const watchMs = 500;

/**
 * Watches the room for scratch files. When it ends, QEMU stops the guest in the middle of a write (`paused (I/O error)`),
 * and it stands still for as long as the backup job lasts. So the job is given up before.
 */
export class ScratchWatch {
  readonly #folder: string;
  readonly #full = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws AppError scratchFull when there is too little room to begin with */
  static async start(folder: string): Promise<ScratchWatch> {
    const watch = new ScratchWatch(folder);
    await watch.#look();
    const { signal } = watch.#full;
    if (signal.aborted) throw signal.reason;
    watch.#timer = setInterval(() => {
      watch.#looking = watch.#look();
    }, watchMs).unref();
    return watch;
  }

  /** Aborted with an AppError scratchFull. */
  get signal(): AbortSignal {
    return this.#full.signal;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      const free = bavail * bsize;
      if (free < reserveBytes) this.#full.abort(fullError(this.#folder, free));
    } catch (error) {
      const text = `the scratch folder ${this.#folder} cannot be looked at: ${messageOf(error)}`;
      this.#full.abort(new AppError('exportFailed', text, { cause: error }));
    }
  }
}

function fullError(folder: string, free: number): AppError {
  const left = `${Math.floor(free / mib)} MiB are left`;
  const text = `${left} in the file system of ${folder}, where QEMU keeps what the guest overwrites during a backup`;
  return new AppError('scratchFull', text, {
    hint: 'Free space there. The job was given up so that the virtual machine need not stand still.',
  });
}
