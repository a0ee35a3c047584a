import { type AppError, hasCode } from '../../shared/errors.ts';
import type { SealingKey } from './cipher.ts';
import type { FileType, Storage, StoredFile } from './storage/storage.ts';
import { TaskGroup } from './task-group.ts';
import { readUnpacked } from './unpacked.ts';

/** What became of one file. */
export interface ReadFile {
  file: StoredFile;
  /** The JSON, or why there is none: `repositoryDamaged`, or `notFound` when it has gone since the listing. */
  json: Buffer | AppError;
}

/** Small files are a matter of round trips, not of bytes. */
const requestsTogether = 32;
const mostTogether = 256;
/** Stored; the JSON is about four times that. */
const bytesTogether = 1024 * 1024;

/**
 * Reads many index or snapshot files and hands them over in the order given. Small ones are read ahead while the caller works.
 * Memory: two lots of a mebibyte stored, or one larger file.
 * @throws storage errors but those that {@link ReadFile} tells, cancelled
 */
export async function* readUnpackedFiles(
  storage: Storage,
  key: SealingKey,
  type: FileType,
  files: Iterable<StoredFile>,
  signal: AbortSignal,
): AsyncGenerator<ReadFile> {
  let pending: Promise<ReadFile[]> | undefined;
  const read = (batch: readonly StoredFile[]) => {
    const started = readBatch(storage, key, type, batch, signal);
    // Whoever stops early does not wait for it, and its failure is nobody's then.
    started.catch(() => undefined);
    return started;
  };
  for (const batch of batchesOf(files)) {
    // A file that is a lot by itself may be large: its text must not stand in memory beside the one before it.
    const ahead = batch.length > 1 ? read(batch) : undefined;
    if (pending !== undefined) yield* await pending;
    pending = ahead ?? read(batch);
  }
  if (pending !== undefined) yield* await pending;
}

/** Files whose content may stand in memory together. */
function* batchesOf(files: Iterable<StoredFile>): Generator<StoredFile[]> {
  let batch: StoredFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length > 0 && (batch.length >= mostTogether || bytes + file.sizeBytes > bytesTogether)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(file);
    bytes += file.sizeBytes;
  }
  if (batch.length > 0) yield batch;
}

async function readBatch(
  storage: Storage,
  key: SealingKey,
  type: FileType,
  files: readonly StoredFile[],
  signal: AbortSignal,
): Promise<ReadFile[]> {
  const found: ReadFile[] = [];
  const reads = new TaskGroup(requestsTogether, signal);
  try {
    for (const [i, file] of files.entries()) {
      await reads.start(async () => {
        found[i] = { file, json: await readUnpacked(storage, key, type, file.name).catch(tellDamage) };
      });
    }
  } finally {
    await reads.settle();
  }
  await reads.finish();
  return found;
}

function tellDamage(error: unknown): AppError {
  if (hasCode(error, 'repositoryDamaged') || hasCode(error, 'notFound')) return error;
  throw error;
}
