import { AppError } from '../../../shared/errors.ts';
import type { Extent, SourceDisk } from '../disk.ts';
import { throwIfAborted } from '../extents.ts';
import type { NbdClient } from './nbd-client.ts';
import { readsAsZero } from './pending.ts';
import { maxRequestBytes } from './protocol.ts';

export const allocationContext = 'base:allocation';

/** How much of a disk one status question asks about. Bytes. */
const statusStep = 1024 * 1024 * 1024;

/** Requests of one read that are in flight together. */
const parallelParts = 4;

/** A disk behind an NBD server; closing it runs `onClose`, e.g. to end the server. */
export class NbdDisk implements SourceDisk {
  readonly id: string;
  readonly format: string;
  readonly sizeBytes: number;
  readonly #client: NbdClient;
  readonly #onClose: () => Promise<void>;
  readonly #maxBytes: number;

  constructor(id: string, format: string, client: NbdClient, onClose: () => Promise<void> = async () => undefined) {
    this.id = id;
    this.format = format;
    this.sizeBytes = client.export.sizeBytes;
    this.#maxBytes = Math.min(client.export.maxBlockBytes, maxRequestBytes);
    this.#client = client;
    this.#onClose = onClose;
  }

  /** Bytes that came over the connection as data. */
  get bytesRead(): number {
    return this.#client.bytesRead;
  }

  /** Why the source can no longer be read; undefined while it can. */
  get failure(): AppError | undefined {
    return this.#client.failure;
  }

  extents(signal: AbortSignal): AsyncIterable<Extent> {
    return allocatedExtents(this.#client, signal);
  }

  /**
   * What is dirty in a bitmap that the server offers, as extents of which `zero` means "clean".
   * @param context qemu:dirty-bitmap:NAME, one of those that were asked for when connecting
   * @returns undefined when the server does not offer it
   */
  dirtyExtents(context: string): ((signal: AbortSignal) => AsyncIterable<Extent>) | undefined {
    if (!this.#client.export.contexts.has(context)) return undefined;
    return (signal) => contextExtents(this.#client, context, isClean, signal);
  }

  async read(offset: number, length: number): Promise<Buffer> {
    if (offset + length > this.sizeBytes) {
      throw new AppError(
        'diskReadFailed',
        `disk ${this.id} ends at byte ${this.sizeBytes}, asked for ${offset + length}`,
      );
    }
    if (length <= this.#maxBytes) return this.#client.read(offset, length);
    const whole = Buffer.allocUnsafeSlow(length);
    for (let at = 0; at < length; at += this.#maxBytes * parallelParts) await this.#readParts(whole, offset, at);
    return whole;
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#onClose();
  }

  async #readParts(whole: Buffer, offset: number, begin: number): Promise<void> {
    const end = Math.min(begin + this.#maxBytes * parallelParts, whole.length);
    const parts: Promise<void>[] = [];
    for (let at = begin; at < end; at += this.#maxBytes) {
      const length = Math.min(this.#maxBytes, end - at);
      parts.push(this.#client.read(offset + at, length).then((bytes) => whole.set(bytes, at)));
    }
    await Promise.all(parts);
  }
}

/**
 * Allocation of the whole export, asked piece by piece; everything counts as data where the server does not tell.
 * @throws AppError diskReadFailed, cancelled
 */
export function allocatedExtents(client: NbdClient, signal: AbortSignal): AsyncIterable<Extent> {
  if (client.export.contexts.has(allocationContext)) {
    return contextExtents(client, allocationContext, readsAsZero, signal);
  }
  return unknownExtents(client.export.sizeBytes);
}

/** In a qemu:dirty-bitmap context the lowest flag says "dirty" (QEMU, docs/interop/nbd.txt). */
function isClean(flags: number): boolean {
  return (flags & 1) === 0;
}

async function* unknownExtents(sizeBytes: number): AsyncIterable<Extent> {
  if (sizeBytes > 0) yield { offset: 0, length: sizeBytes, zero: false };
}

/**
 * Walks one metadata context over the whole export. Neighbours of the same kind within one answer become one extent.
 * @param isZero tells from the context's flags what `zero` shall be
 */
export async function* contextExtents(
  client: NbdClient,
  context: string,
  isZero: (flags: number) => boolean,
  signal: AbortSignal,
): AsyncIterable<Extent> {
  const { sizeBytes } = client.export;
  let at = 0;
  while (at < sizeBytes) {
    throwIfAborted(signal);
    const answer = await client.blockStatus(context, at, Math.min(statusStep, sizeBytes - at));
    let open: Extent | undefined;
    for (const { length, flags } of answer) {
      const zero = isZero(flags);
      if (open?.zero === zero) {
        open.length += length;
      } else {
        if (open !== undefined) yield open;
        open = { offset: at, length, zero };
      }
      at += length;
    }
    if (open !== undefined) yield open;
  }
}
