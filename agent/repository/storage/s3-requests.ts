import { createHash, X509Certificate } from 'node:crypto';
import { AppError, messageOf } from '../../../shared/errors.ts';
import type { S3Request } from './s3-client.ts';
import type { S3Problem } from './s3-errors.ts';
import type { HttpAnswer } from './s3-exchange.ts';
import type { ByteRange } from './storage.ts';

/** 1000 keys of 1024 bytes, each three times as long when encoded, and what stands around them. */
const largestPage = 4 * 1024 * 1024;
export const keysPerPage = 1000;
const regionPattern = /^[A-Za-z0-9_-]{1,64}$/u;

/** @param from what the page before named as the next one */
export function listRequest(prefix: string, keys: number, from?: string): S3Request {
  const query = { 'list-type': '2', prefix, 'max-keys': String(keys), 'encoding-type': 'url' };
  const more: Record<string, string> = from === undefined ? {} : { 'continuation-token': from };
  return { method: 'GET', query: { ...query, ...more }, mostBytes: largestPage };
}

/** AWS makes buckets where the address says, and wants it said again everywhere but in the first region. */
export function makeBucketRequest(region: string): S3Request {
  if (region === 'us-east-1') return { method: 'PUT', parts: [] };
  const parts = [
    Buffer.from(
      `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`,
    ),
  ];
  return { method: 'PUT', parts, payloadHash: hashOf(parts) };
}

/** The length that an answer announces. @throws AppError storageFailed when it does not */
export function announcedLength(where: string, { headers }: HttpAnswer): number {
  const text = headers['content-length'] ?? '';
  const length = /^\d{1,16}$/u.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(length)) return length;
  throw new AppError('storageFailed', `${where}: the server does not say how long it is`);
}

/** The content of a file asked for as a whole; node:http has compared its length with the announced one. */
export function wholeBody(where: string, answer: HttpAnswer): Buffer {
  const length = announcedLength(where, answer);
  if (answer.status === 200 && answer.body.length === length) return answer.body;
  throw new AppError('storageFailed', `${where}: the server sent ${answer.body.length} of ${length} bytes`);
}

/** Exactly the range that was asked for. @throws AppError repositoryDamaged when the file ends in it, storageFailed */
export function rangeBody(where: string, { status, headers, body }: HttpAnswer, { offset, length }: ByteRange): Buffer {
  const [, from, to] = /^bytes (\d{1,16})-(\d{1,16})\/(?:\d{1,16}|\*)$/u.exec(headers['content-range'] ?? '') ?? [];
  if (status !== 206 || Number(from) !== offset || Number(to) !== offset + body.length - 1)
    throw new AppError('storageFailed', `${where}: the server sent another range than it was asked for`);
  if (body.length < length) throw tooShort(where, offset + length, offset + body.length);
  return body;
}

/** @param end where the file should at least end */
export function tooShort(where: string, end: number, found?: number): AppError {
  const problem = found === undefined ? 'ends before' : `ends at ${found} of`;
  return new AppError('repositoryDamaged', `${where} ${problem} ${end} bytes`);
}

export function notFound(where: string): AppError {
  return new AppError('notFound', `${where} does not exist`);
}

/** SHA-256 in hexadecimal digits. */
export function hashOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** What the header Content-MD5 wants. */
export function md5Of(parts: readonly Uint8Array[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}

/** AWS does so where a retention is set on the bucket, whatever else protects the content. */
export function asksForMd5({ status, message }: S3Problem): boolean {
  return status === 400 && message.includes('Content-MD5');
}

/** What would end up in headers, or fail at the first connection. @throws AppError invalidValue */
export function checkLogin(
  login: { accessKey: string; secretKey: string; region: string },
  caCertificate?: string,
): void {
  if (!/^[\x21-\x2b\x2d\x2e\x30-\x7e]+$/u.test(login.accessKey))
    throw invalid('the access key is empty or holds odd characters', 'accessKey');
  if (login.secretKey === '') throw invalid('the secret key is empty', 'secretKey');
  if (!regionPattern.test(login.region)) throw invalid('the region is no name', 'region');
  if (caCertificate === undefined) return;
  try {
    new X509Certificate(caCertificate);
  } catch (error) {
    throw invalid(`the certificate cannot be read: ${messageOf(error)}`, 'caCertificate');
  }
}

function invalid(problem: string, field: string): AppError {
  return new AppError('invalidValue', problem, { field });
}
