import { AppError } from '../../../shared/errors.ts';
import { blobTypes } from '../blob-id.ts';
import { readPack, type ReaderParts } from '../blob-reader.ts';
import { BufferPool } from '../buffer-pool.ts';
import { throwIfAborted } from '../cancel.ts';
import { freeMemory } from '../memory.ts';
import { PackBuilder, targetBytes } from '../pack-builder.ts';
import { Slots } from '../slots.ts';
import { TaskGroup } from '../task-group.ts';
import type { NewPack } from './new-packs.ts';
import type { PackCatalog } from './pack-catalog.ts';
import { readsOf, type RowRead } from './row-reads.ts';

export interface RepackOptions {
  signal: AbortSignal;
  /** Called with the bytes of each pack that is durable. */
  onCopied: (bytes: number) => void;
}

const blockBytes = 1024 * 1024;

/**
 * Writes the planned packs. Blobs are copied as they are sealed: only their MAC is checked, so that damage is not carried on.
 * Memory: the packs that are being sent and one more, and the reads ahead.
 * @returns the names of the new packs in their order
 * @throws AppError repositoryDamaged, storage errors, cancelled
 */
export async function repack(
  parts: ReaderParts,
  catalog: PackCatalog,
  made: readonly NewPack[],
  options: RepackOptions,
): Promise<string[]> {
  const sender = new PackSender(parts, options);
  try {
    for (const type of blobTypes) {
      const places = [...made.keys()].filter((place) => made[place]?.type === type);
      const rows = (function* all() {
        for (const place of places) yield* (made[place] as NewPack).rows;
      })();
      const copies = copiesOf(parts, catalog, readsOf(catalog, type, rows), options);
      for (const place of places) await sender.fill(place, made[place] as NewPack, catalog, copies);
    }
    return await sender.finish();
  } finally {
    await sender.settle();
  }
}

/** The sealed blobs one after the other, each good until the next; a few reads are always under way. */
async function* copiesOf(
  parts: ReaderParts,
  catalog: PackCatalog,
  reads: Iterator<RowRead>,
  { signal }: RepackOptions,
): AsyncGenerator<Buffer, undefined> {
  const ahead: { read: RowRead; bytes: Promise<Buffer> }[] = [];
  const start = () => {
    const next = reads.next();
    if (next.done === true) return;
    const read = next.value;
    const bytes = readPack(parts.storage, catalog.packName(read.pack), read);
    // Whoever waits for it hears of the failure; nobody may be waiting yet.
    bytes.catch(() => undefined);
    ahead.push({ read, bytes });
  };
  for (let i = 0; i < 2 * parts.storage.connections; i++) start();
  for (let first = ahead.shift(); first !== undefined; first = ahead.shift()) {
    throwIfAborted(signal);
    const bytes = await first.bytes;
    start();
    const { offsets, lengths } = first.read.blobs;
    for (let i = 0; i < offsets.length; i++) {
      const at = offsets[i] as number;
      const sealed = bytes.subarray(at, at + (lengths[i] as number));
      if (!parts.key.isAuthentic(sealed)) throw damagedBlob(catalog.packName(first.read.pack));
      yield sealed;
    }
    freeMemory(bytes);
  }
  return undefined;
}

function damagedBlob(pack: string): AppError {
  return new AppError('repositoryDamaged', `nothing was deleted: a blob of pack ${pack} fails its authentication`, {
    hint: 'Check the repository with its data.',
  });
}

class PackSender {
  readonly #parts: ReaderParts;
  readonly #options: RepackOptions;
  readonly #uploads: TaskGroup;
  readonly #sending: Slots;
  readonly #blocks: BufferPool;
  readonly #names: string[] = [];

  constructor(parts: ReaderParts, options: RepackOptions) {
    const { storage } = parts;
    const sending = storage.sending ?? storage.connections;
    this.#parts = parts;
    this.#options = options;
    this.#uploads = new TaskGroup(storage.connections, options.signal);
    this.#sending = new Slots(sending);
    this.#blocks = new BufferPool(blockBytes, (sending + 1) * (targetBytes / blockBytes + 1));
  }

  async fill(
    place: number,
    pack: NewPack,
    catalog: PackCatalog,
    copies: AsyncIterator<Buffer, undefined>,
  ): Promise<void> {
    throwIfAborted(this.#options.signal);
    const builder = new PackBuilder(pack.type, this.#blocks);
    const table = catalog.tables[pack.type];
    for (const row of pack.rows) {
      const copy = await copies.next();
      if (copy.done === true) throw new AppError('internal', 'the blobs to repack ended too early');
      builder.add({ ...table.location(row), id: table.id(row), parts: [copy.value] });
    }
    const { pack: finished, parts, sizeBytes } = builder.finish(this.#parts.key);
    if (sizeBytes !== pack.sizeBytes) throw new AppError('internal', 'a pack became longer than it was planned');
    this.#names[place] = finished.name;
    await this.#send(finished.name, parts, sizeBytes, builder);
  }

  async #send(name: string, bytes: readonly Uint8Array[], sizeBytes: number, builder: PackBuilder): Promise<void> {
    await this.#sending.acquire();
    let held = true;
    const onSent = () => {
      if (held) this.#sending.release();
      held = false;
      builder.release();
    };
    const upload = async () => {
      await this.#parts.storage.write('data', name, bytes, onSent).finally(onSent);
      this.#options.onCopied(sizeBytes);
    };
    await this.#uploads.start(upload).catch((error: unknown) => {
      onSent();
      throw error;
    });
  }

  async finish(): Promise<string[]> {
    await this.#uploads.finish();
    return this.#names;
  }

  async settle(): Promise<void> {
    await this.#uploads.settle();
    this.#blocks.clear();
  }
}
