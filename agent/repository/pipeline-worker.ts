import { parentPort, workerData } from 'node:worker_threads';
import { AppError, toWireError } from '../../shared/errors.ts';
import { openBlob, verifySealed } from './blob-codec.ts';
import { idBytes, idOf } from './blob-id.ts';
import { SealingKey, sealOverhead } from './cipher.ts';
import { compress } from './compression.ts';
import { freeMemory } from './memory.ts';
import type { SealedBlobs, VerifyMode, WorkerKeys, WorkerReply, WorkerRequest } from './pipeline-messages.ts';

/** One in so many written blobs is opened again in `sample` mode. */
const sampleEvery = 16;

interface Batch {
  bytes: Buffer;
  lengths: Uint32Array;
  ids: Uint8Array;
}

const batches = new Map<number, Batch>();
const key = new SealingKey(workerData as WorkerKeys);
let written = 0;
let zeros = Buffer.alloc(1024 * 1024);

function isAllZero(bytes: Buffer): boolean {
  if (bytes.length > zeros.length) zeros = Buffer.alloc(bytes.length);
  return bytes.equals(zeros.subarray(0, bytes.length));
}

function hashBatch(id: number, bytes: ArrayBuffer, lengths: Uint32Array): WorkerReply {
  const buffer = Buffer.from(bytes);
  const ids = new Uint8Array(lengths.length * idBytes);
  const zero = new Uint8Array(lengths.length);
  let at = 0;
  for (let i = 0; i < lengths.length; i++) {
    const cell = buffer.subarray(at, at + (lengths[i] as number));
    at += cell.length;
    if (isAllZero(cell)) zero[i] = 1;
    else ids.set(idOf(cell), i * idBytes);
  }
  batches.set(id, { bytes: buffer, lengths, ids: ids.slice() });
  return { kind: 'hashed', id, ids, zero };
}

function storeBatch(id: number, batch: number, wanted: Uint8Array, verify: VerifyMode): WorkerReply {
  const { bytes, lengths, ids } = takeBatch(batch);
  const payloads: { id: Uint8Array; payload: Uint8Array; plainLength: number; compressed: boolean }[] = [];
  let at = 0;
  let total = 0;
  for (let i = 0; i < lengths.length; i++) {
    const cell = bytes.subarray(at, at + (lengths[i] as number));
    at += cell.length;
    if (wanted[i] !== 1) continue;
    const compressed = compress(cell);
    const payload = compressed ?? cell;
    total += payload.length + sealOverhead;
    const cellId = ids.subarray(i * idBytes, (i + 1) * idBytes);
    payloads.push({ id: cellId, payload, plainLength: cell.length, compressed: compressed !== undefined });
  }
  const sealed = Buffer.from(new ArrayBuffer(total));
  const sealedLengths = new Uint32Array(payloads.length);
  let end = 0;
  payloads.forEach((blob, k) => {
    const length = key.sealInto(blob.payload, sealed, end);
    if (verify === 'all' || (verify === 'sample' && written++ % sampleEvery === 0)) {
      verifySealed(key, sealed.subarray(end, end + length), blob);
    }
    if (blob.compressed) freeMemory(blob.payload);
    sealedLengths[k] = length;
    end += length;
  });
  freeMemory(bytes);
  const compressed = Uint8Array.from(payloads, (blob) => (blob.compressed ? 1 : 0));
  return { kind: 'stored', id, bytes: sealed.buffer, lengths: sealedLengths, compressed };
}

function openBlobs(id: number, bytes: ArrayBuffer, blobs: SealedBlobs): WorkerReply {
  const sealed = Buffer.from(bytes);
  const count = blobs.lengths.length;
  const plain = Buffer.from(new ArrayBuffer(blobs.plainLengths.reduce((sum, length) => sum + length, 0)));
  const zero = new Uint8Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const offset = blobs.offsets[i] as number;
    const content = openBlob(key, sealed.subarray(offset, offset + (blobs.lengths[i] as number)), {
      id: blobs.ids.subarray(i * idBytes, (i + 1) * idBytes),
      plainLength: blobs.plainLengths[i] as number,
      compressed: blobs.compressed[i] === 1,
    });
    content.copy(plain, at);
    at += content.length;
    if (isAllZero(content)) zero[i] = 1;
    freeMemory(content);
  }
  freeMemory(sealed);
  return { kind: 'opened', id, bytes: plain.buffer, zero };
}

function takeBatch(id: number): Batch {
  const batch = batches.get(id);
  batches.delete(id);
  if (batch === undefined) throw new AppError('internal', `the pipeline worker knows no batch ${id}`);
  return batch;
}

function answer(request: Exclude<WorkerRequest, { kind: 'drop' }>): WorkerReply {
  switch (request.kind) {
    case 'hash':
      return hashBatch(request.id, request.bytes, request.lengths);
    case 'store':
      return storeBatch(request.id, request.batch, request.wanted, request.verify);
    case 'open':
      return openBlobs(request.id, request.bytes, request.blobs);
  }
}

function transferOf(reply: WorkerReply): ArrayBuffer[] {
  return reply.kind === 'stored' || reply.kind === 'opened' ? [reply.bytes] : [];
}

parentPort?.on('message', (request: WorkerRequest) => {
  if (request.kind === 'drop') {
    freeMemory(takeBatch(request.batch).bytes);
    return;
  }
  let reply: WorkerReply;
  try {
    reply = answer(request);
  } catch (error) {
    reply = { kind: 'failed', id: request.id, error: toWireError(error) };
  }
  parentPort?.postMessage(reply, transferOf(reply));
});
