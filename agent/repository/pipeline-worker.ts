import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, toWireError } from '../../shared/errors.ts';
import { openBlob, openFramed, type StoredBlob, verifySealed } from './blob-codec.ts';
import { idBytes, idOf } from './blob-id.ts';
import { SealingKey } from './cipher.ts';
import { compress } from './compression.ts';
import { codecOf, FramedBatch } from './framed-batch.ts';
import { freeMemory, freeWhole } from './memory.ts';
import {
  type Batch,
  type BlobProblem,
  type SealedBlobs,
  sampleEvery,
  type WorkerKeys,
  type WorkerReply,
  type WorkerRequest,
} from './pipeline-messages.ts';

const key = new SealingKey(workerData as WorkerKeys);
let written = 0;
let zeros = Buffer.alloc(1024 * 1024);

function isAllZero(bytes: Buffer): boolean {
  if (bytes.length > zeros.length) zeros = Buffer.alloc(bytes.length);
  return bytes.equals(zeros.subarray(0, bytes.length));
}

function* cellsOf({ bytes, offset, lengths }: Batch): Generator<Buffer> {
  let at = offset;
  for (const length of lengths) {
    yield Buffer.from(bytes, at, length);
    at += length;
  }
}

function hashBatch({ id, frames, ...request }: Extract<WorkerRequest, { kind: 'hash' }>): WorkerReply {
  const batch = { bytes: request.bytes, offset: request.offset, lengths: request.lengths };
  const cells = batch.lengths.length;
  const ids = new Uint8Array(cells * idBytes);
  const zero = new Uint8Array(cells);
  const framed = frames === undefined ? undefined : new FramedBatch(batch, frames);
  let i = 0;
  for (const cell of cellsOf(batch)) {
    if (isAllZero(cell)) zero[i] = 1;
    else ids.set(idOf(framed?.frame(cell, i) ?? cell), i * idBytes);
    i++;
  }
  return { kind: 'hashed', id, ids, zero, ...(framed?.batch ?? batch) };
}

function storeBatch(request: Extract<WorkerRequest, { kind: 'store' }>): WorkerReply {
  const { id, ids, wanted, verify, compression, ...batch } = request;
  // The sealed blobs take the place of their cells, from the beginning of the buffer.
  const sealed = Buffer.from(batch.bytes);
  const lengths: number[] = [];
  const compressed: number[] = [];
  let end = 0;
  let i = 0;
  for (const cell of cellsOf(batch)) {
    const cellId = ids.subarray(i * idBytes, (i + 1) * idBytes);
    if (wanted[i++] !== 1) continue;
    const shorter = compression === 'off' ? undefined : compress(cell, compression);
    const length = key.sealInto(shorter ?? cell, sealed, end);
    if (shorter !== undefined) freeWhole(shorter);
    if (verify === 'all' || (verify === 'sample' && written++ % sampleEvery === 0)) {
      const blob = { id: cellId, plainLength: cell.length, compressed: shorter !== undefined };
      verifySealed(key, sealed.subarray(end, end + length), blob);
    }
    lengths.push(length);
    compressed.push(shorter === undefined ? 0 : 1);
    end += length;
  }
  const columns = { lengths: Uint32Array.from(lengths), compressed: Uint8Array.from(compressed) };
  return { kind: 'stored', id, bytes: batch.bytes, ...columns };
}

function openBlobs({ id, bytes, blobs, ...request }: Extract<WorkerRequest, { kind: 'open' }>): WorkerReply {
  const sealed = Buffer.from(bytes);
  const plain = Buffer.from(request.plain);
  const zero = new Uint8Array(blobs.lengths.length);
  let at = 0;
  let i = 0;
  for (const [part, blob] of blobsOf(sealed, blobs)) {
    const content = contentOf(part, blob, request.transformKey);
    content.copy(plain, at);
    at += content.length;
    if (isAllZero(content)) zero[i] = 1;
    i++;
    freeWhole(content);
  }
  if (!request.kept) freeMemory(sealed);
  return { kind: 'opened', id, bytes: request.plain, zero, sealed: request.kept ? bytes : undefined };
}

/** @throws AppError repositoryDamaged naming the blob, transformKeyMissing */
function contentOf(sealed: Buffer, blob: StoredBlob, transformKey: Uint8Array | undefined): Buffer {
  const opened = openBlob(key, sealed, blob);
  return transformKey === undefined ? opened : openFramed(codecOf(transformKey), opened, blob.id);
}

function* blobsOf(sealed: Buffer, blobs: SealedBlobs): Generator<[Buffer, StoredBlob]> {
  for (let i = 0; i < blobs.lengths.length; i++) {
    const offset = blobs.offsets[i] as number;
    const blob = {
      id: blobs.ids.subarray(i * idBytes, (i + 1) * idBytes),
      plainLength: blobs.plainLengths[i] as number,
      compressed: blobs.compressed[i] === 1,
    };
    yield [sealed.subarray(offset, offset + (blobs.lengths[i] as number)), blob];
  }
}

/** Unlike opening, it goes on behind a blob that is wrong. */
function checkBlobs({ id, bytes, blobs, hashedBytes }: Extract<WorkerRequest, { kind: 'check' }>): WorkerReply {
  const sealed = Buffer.from(bytes);
  const problems: BlobProblem[] = [];
  let i = 0;
  for (const [part, blob] of blobsOf(sealed, blobs)) {
    try {
      freeWhole(openBlob(key, part, blob));
    } catch (error) {
      problems.push({ blob: i, message: messageOf(error) });
    }
    i++;
  }
  return {
    kind: 'checked',
    id,
    bytes,
    problems,
    sha256: hashedBytes > 0 ? idOf(sealed.subarray(0, hashedBytes)).toString('hex') : '',
  };
}

function answer(request: WorkerRequest): WorkerReply {
  switch (request.kind) {
    case 'hash':
      return hashBatch(request);
    case 'store':
      return storeBatch(request);
    case 'open':
      return openBlobs(request);
    case 'check':
      return checkBlobs(request);
  }
}

/** What goes with the answer instead of being copied. */
function memoryOf(reply: WorkerReply): ArrayBuffer[] {
  if (reply.kind === 'failed') return [];
  return reply.kind === 'opened' && reply.sealed !== undefined ? [reply.bytes, reply.sealed] : [reply.bytes];
}

parentPort?.on('message', (request: WorkerRequest) => {
  let reply: WorkerReply;
  try {
    reply = answer(request);
  } catch (error) {
    reply = { kind: 'failed', id: request.id, error: toWireError(error) };
  }
  parentPort?.postMessage(reply, memoryOf(reply));
});
