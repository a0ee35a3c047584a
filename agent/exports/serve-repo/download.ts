import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { restVersion2 } from '../../repository/storage/rest-address.ts';
import type { StoredFile } from '../../repository/storage/storage.ts';
import { Refusal } from './refusal.ts';

const chunkBytes = 256 * 1024;
const listingChunk = 64 * 1024;

/** Part of a file: first byte and the one after the last. */
interface Span {
  start: number;
  end: number;
}

/**
 * Reads a Range header of one range; others are answered with the whole file, as the standard (RFC 9110, 14.2) allows.
 * @throws Refusal 416
 */
export function parseRange(header: string | undefined, sizeBytes: number): Span | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/u.exec(header ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return undefined;
  const span =
    first === ''
      ? { start: Math.max(0, sizeBytes - Number(last)), end: sizeBytes }
      : { start: Number(first), end: last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1) };
  if (last !== '' && first !== '' && Number(last) < Number(first)) return undefined;
  if (span.start < span.end) return span;
  throw new Refusal(416, 'the file is shorter', { 'Content-Range': `bytes */${sizeBytes}` });
}

/** Sends a file or a part of it, and closes the file. */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: FileHandle,
  sizeBytes: number,
): Promise<void> {
  try {
    const span = parseRange(request.headers.range, sizeBytes);
    const { start, end } = span ?? { start: 0, end: sizeBytes };
    response.writeHead(span === undefined ? 200 : 206, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': end - start,
      'Accept-Ranges': 'bytes',
      ...(span === undefined ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${sizeBytes}` }),
    });
    if (request.method === 'HEAD' || start === end) response.end();
    else {
      const content = file.createReadStream({ start, end: end - 1, highWaterMark: chunkBytes, autoClose: false });
      await pipeline(content, response);
    }
  } finally {
    await file.close();
  }
}

/** Sends a listing while it is made; one that breaks off is cut, so that nobody takes it for complete. */
export async function sendListing(
  request: IncomingMessage,
  response: ServerResponse,
  files: AsyncIterable<StoredFile>,
): Promise<void> {
  const hasSizes = request.headers.accept?.includes(restVersion2) === true;
  response.writeHead(200, { 'Content-Type': hasSizes ? restVersion2 : restVersion2.replace('.v2', '.v1') });
  if (request.method === 'HEAD') response.end();
  else await pipeline(Readable.from(listingText(files, hasSizes)), response);
}

async function* listingText(files: AsyncIterable<StoredFile>, hasSizes: boolean): AsyncGenerator<string> {
  let text = '[';
  let separator = '';
  for await (const { name, sizeBytes } of files) {
    text += separator + JSON.stringify(hasSizes ? { name, size: sizeBytes } : name);
    separator = ',';
    if (text.length < listingChunk) continue;
    yield text;
    text = '';
  }
  yield `${text}]`;
}
