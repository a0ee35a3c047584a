import { AppError } from '../../../shared/errors.ts';
import type { TargetDisk } from '../disk.ts';
import type { NbdClient } from './nbd-client.ts';
import { maxRequestBytes, transmissionFlag } from './protocol.ts';

/** A new, empty disk behind a writable NBD server; closing it flushes and runs `onClose`, e.g. to end the server. */
export class NbdTarget implements TargetDisk {
  readonly sizeBytes: number;
  readonly #client: NbdClient;
  readonly #label: string;
  readonly #onClose: () => Promise<void>;
  readonly #maxBytes: number;

  /** @throws AppError storageFailed when the server offers the disk read-only */
  constructor(label: string, client: NbdClient, onClose: () => Promise<void>) {
    if ((client.export.flags & transmissionFlag.readOnly) !== 0) {
      throw new AppError('storageFailed', `${label} cannot be written: the NBD server offers it read-only`);
    }
    this.sizeBytes = client.export.sizeBytes;
    this.#maxBytes = Math.min(client.export.maxBlockBytes, maxRequestBytes);
    this.#client = client;
    this.#label = label;
    this.#onClose = onClose;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; at += this.#maxBytes) {
        await this.#client.write(offset + at, bytes.subarray(at, at + this.#maxBytes));
      }
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async close(): Promise<void> {
    try {
      if ((this.#client.export.flags & transmissionFlag.sendFlush) !== 0) await this.#client.flush();
    } catch (error) {
      throw this.#failure(error);
    } finally {
      await this.#client.close();
      await this.#onClose();
    }
  }

  #failure(error: unknown): unknown {
    if (!(error instanceof AppError) || error.code !== 'diskReadFailed') {
      if (error instanceof AppError && error.code === 'storageFull') {
        return new AppError('storageFull', `no space left for ${this.#label}: ${error.message}`, { cause: error });
      }
      return error;
    }
    return new AppError('storageFailed', `${this.#label} cannot be written: ${error.message}`, { cause: error });
  }
}
