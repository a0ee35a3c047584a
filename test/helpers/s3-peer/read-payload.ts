import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { headerOf, mac, type SignatureSeed } from './check-signature.ts';
import { S3Refusal } from './s3-refusal.ts';

const emptyHash = createHash('sha256').digest('hex');

/**
 * What a body means, after its hash, its MD5 and the signatures of its chunks were checked.
 * @param raw the whole body as it came
 */
export function readPayload(request: IncomingMessage, raw: Buffer, seed: SignatureSeed): Buffer {
  const declared = headerOf(request, 'x-amz-content-sha256');
  const bytes = declared === 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' ? readChunks(raw, seed) : raw;
  if (/^[0-9a-f]{64}$/u.test(declared) && createHash('sha256').update(raw).digest('hex') !== declared)
    throw new S3Refusal(400, 'XAmzContentSHA256Mismatch');
  const md5 = request.headers['content-md5'];
  if (md5 !== undefined && createHash('md5').update(bytes).digest('base64') !== md5)
    throw new S3Refusal(400, 'BadDigest');
  const decodedLength = request.headers['x-amz-decoded-content-length'];
  if (decodedLength !== undefined && Number(decodedLength) !== bytes.length) throw new S3Refusal(400, 'IncompleteBody');
  return bytes;
}

/** Takes apart what AWS calls aws-chunked: `<length>;chunk-signature=<signature>`, bytes, and an empty chunk at the end. */
function readChunks(raw: Buffer, { signature, key, time, scope }: SignatureSeed): Buffer {
  const chunks: Buffer[] = [];
  let previous = signature.toString('hex');
  for (let at = 0; ; ) {
    const lineEnd = raw.indexOf('\r\n', at);
    const line = raw.subarray(at, Math.max(at, lineEnd)).toString('latin1');
    const [, length = '', claimed = ''] = /^([0-9a-f]{1,8});chunk-signature=([0-9a-f]{64})$/iu.exec(line) ?? [];
    if (length === '') throw new S3Refusal(400, 'IncompleteBody', 'no proper chunk');
    const begin = lineEnd + 2;
    const chunk = raw.subarray(begin, begin + Number.parseInt(length, 16));
    const hash = createHash('sha256').update(chunk).digest('hex');
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${time}\n${scope}\n${previous}\n${emptyHash}\n${hash}`;
    previous = mac(key, text).toString('hex');
    if (claimed !== previous) throw new S3Refusal(403, 'SignatureDoesNotMatch', 'of a chunk');
    if (chunk.length === 0) return Buffer.concat(chunks);
    chunks.push(chunk);
    at = begin + chunk.length + 2;
  }
}
