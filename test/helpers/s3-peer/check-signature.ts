import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { S3Refusal } from './s3-refusal.ts';

/** What chunks of a streamed body are checked with: their signatures follow from that of the head. */
export interface SignatureSeed {
  signature: Buffer;
  key: Buffer;
  time: string;
  scope: string;
}

export interface PeerLogin {
  accessKey: string;
  secretKey: string;
}

const authorizationPattern =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/u;
const longestSkewMs = 15 * 60_000;

/**
 * Checks AWS Signature Version 4 in the Authorization header, written from the document and not from the client's signer.
 * @param now epoch ms by the peer's clock
 */
export function checkSignature(request: IncomingMessage, login: PeerLogin, now: number): SignatureSeed {
  const header = request.headers.authorization;
  if (header === undefined) throw new S3Refusal(403, 'AccessDenied', 'no signature');
  const match = authorizationPattern.exec(header);
  if (match === null) throw new S3Refusal(400, 'AuthorizationHeaderMalformed');
  const [, accessKey = '', day = '', region = '', names = '', claimed = ''] = match;
  if (accessKey !== login.accessKey) throw new S3Refusal(403, 'InvalidAccessKeyId');
  const time = headerOf(request, 'x-amz-date');
  checkTime(time, now);
  if (!time.startsWith(day)) throw new S3Refusal(403, 'AccessDenied', 'the day does not fit the time');
  const signed = names.split(';');
  checkSignedNames(request, signed);
  const scope = [day, region, 's3', 'aws4_request'].join('/');
  const canonical = canonicalRequest(request, signed);
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const key = mac(mac(mac(mac(`AWS4${login.secretKey}`, day), region), 's3'), 'aws4_request');
  const signature = Buffer.from(claimed, 'hex');
  if (!timingSafeEqual(mac(key, toSign), signature)) throw new S3Refusal(403, 'SignatureDoesNotMatch', 'they differ');
  return { signature, key, time, scope };
}

export function mac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}

export function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  if (typeof value !== 'string') throw new S3Refusal(400, 'InvalidRequest', `no header ${name}`);
  return value;
}

function checkTime(time: string, now: number): void {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/u.exec(time) ?? [];
  const at = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  if (Number.isNaN(at)) throw new S3Refusal(403, 'AccessDenied', 'no proper x-amz-date');
  if (Math.abs(at - now) <= longestSkewMs) return;
  throw new S3Refusal(403, 'RequestTimeTooSkewed', 'the clocks differ', {
    RequestTime: time,
    ServerTime: new Date(now).toISOString(),
    MaxAllowedSkewMilliseconds: String(longestSkewMs),
  });
}

/** Host and all of Amazon's headers must be signed, and what is signed must be there, in order. */
function checkSignedNames(request: IncomingMessage, signed: readonly string[]): void {
  const needed = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))];
  const missing = needed.filter((name) => !signed.includes(name));
  if (missing.length > 0) throw new S3Refusal(403, 'AccessDenied', `not signed: ${missing.join(' ')}`);
  if ([...signed].sort().join(';') !== signed.join(';')) throw new S3Refusal(403, 'AccessDenied', 'names not sorted');
}

function canonicalRequest(request: IncomingMessage, signed: readonly string[]): string {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const pairs = query.split('&').filter((pair) => pair !== '');
  const decoded = pairs.map((pair) => pair.split('=').map((text) => strict(decodeURIComponent(text))));
  const canonicalQuery = decoded.map(([name, value = '']) => `${name}=${value}`).sort();
  let text = `${request.method}\n${path}\n${canonicalQuery.join('&')}\n`;
  for (const name of signed) text += `${name}:${headerOf(request, name).trim().replace(/\s+/gu, ' ')}\n`;
  return `${text}\n${signed.join(';')}\n${headerOf(request, 'x-amz-content-sha256')}`;
}

/** RFC 3986's unreserved characters stay, everything else becomes bytes in hexadecimal. */
function strict(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._~-]/u.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
