import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

/** So much is collected before it is written. */
const batchBytes = 512 * 1024;

/**
 * How long the body will be, from its header.
 * @throws Refusal 411, 413
 */
export function announcedBytes(request: IncomingMessage, limit: number): number {
  const bytes = Number(request.headers['content-length'] ?? Number.NaN);
  if (Number.isNaN(bytes)) throw new Refusal(411, 'Content-Length is missing');
  if (bytes > limit) throw new Refusal(413, `files of this kind have at most ${limit} bytes here`);
  return bytes;
}

/**
 * Writes the body of a request to a file.
 * @param expected the SHA-256 that the body must have; undefined = anything
 * @throws Refusal 400 when it has another; Error when the client hangs up
 */
export async function receiveBody(
  request: IncomingMessage,
  file: FileHandle,
  announced: number,
  expected: string | undefined,
): Promise<void> {
  const hash = createHash('sha256');
  let batch: Buffer[] = [];
  let waiting = 0;
  let received = 0;
  // Leaving the loop must not end the connection: the refusal is still to be sent over it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (expected !== undefined) hash.update(chunk);
    batch.push(chunk);
    waiting += chunk.length;
    received += chunk.length;
    if (waiting < batchBytes) continue;
    await writeBatch(file, batch);
    batch = [];
    waiting = 0;
  }
  await writeBatch(file, batch);
  if (received !== announced || !request.complete) throw new Refusal(400, 'the body is not complete');
  if (expected !== undefined && hash.digest('hex') !== expected)
    throw new Refusal(400, 'the SHA-256 of the body is not the name of the file');
}

/** A write may take less than it was given. */
async function writeBatch(file: FileHandle, batch: readonly Buffer[]): Promise<void> {
  if (batch.length === 0) return;
  const [only] = batch;
  const bytes = batch.length === 1 && only !== undefined ? only : Buffer.concat(batch);
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    if (bytesWritten === 0) throw new Error('the file system wrote nothing');
    at += bytesWritten;
  }
}
