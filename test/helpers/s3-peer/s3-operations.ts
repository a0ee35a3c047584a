import type { IncomingHttpHeaders } from 'node:http';
import { listObjects } from './list-objects.ts';
import type { S3Objects, StoredObject } from './s3-objects.ts';
import { S3Refusal } from './s3-refusal.ts';

export interface AskedRequest {
  method: string;
  bucket: string;
  key: string;
  query: URLSearchParams;
}

export interface PeerAnswer {
  status: number;
  headers?: Record<string, string>;
  bytes?: Buffer;
}

function xml(document: string): PeerAnswer {
  return { status: 200, headers: { 'content-type': 'application/xml' }, bytes: Buffer.from(document) };
}

/** What the test has set about the server as a whole. */
export interface PeerLimits {
  readonly objects: S3Objects;
  readonly quotaBytes: number;
  readonly pageKeys: number;
  readonly needsMd5: boolean;
}

/** Does what a request asks, whose signature and body have been checked. @throws S3Refusal */
export async function doRequest(
  peer: PeerLimits,
  asked: AskedRequest,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<PeerAnswer> {
  if (asked.bucket === '') throw new S3Refusal(501, 'NotImplemented', 'list of buckets');
  const objects = peer.objects.buckets.get(asked.bucket);
  if (asked.key === '') return doBucket(peer, asked, objects);
  if (objects === undefined) throw new S3Refusal(404, 'NoSuchBucket');
  const { method, key, query } = asked;
  if (query.size > 0) throw new S3Refusal(501, 'NotImplemented', `${method} with ${query.toString()}`);
  const object = objects.get(key);
  if (method === 'PUT') return putObject(peer, asked, headers, body, object);
  if (method === 'DELETE') {
    await peer.objects.remove(asked.bucket, key);
    return { status: 204 };
  }
  if (method !== 'GET' && method !== 'HEAD') throw new S3Refusal(405, 'MethodNotAllowed');
  if (object === undefined) throw new S3Refusal(404, 'NoSuchKey');
  return readObject(object, headers.range);
}

async function doBucket(
  peer: PeerLimits,
  { method, bucket, query }: AskedRequest,
  objects: ReadonlyMap<string, StoredObject> | undefined,
): Promise<PeerAnswer> {
  if (method === 'PUT' && query.size === 0) {
    if (objects !== undefined) throw new S3Refusal(409, 'BucketAlreadyOwnedByYou');
    await peer.objects.makeBucket(bucket);
    return { status: 200 };
  }
  if (objects === undefined) throw new S3Refusal(404, 'NoSuchBucket');
  if (method === 'HEAD' && query.size === 0) return { status: 200 };
  if (method === 'GET' && query.has('location'))
    return xml('<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>');
  if (method === 'GET' && query.get('list-type') === '2') return xml(listObjects(objects, query, peer.pageKeys));
  throw new S3Refusal(501, 'NotImplemented', `${method} of a bucket with ${query.toString()}`);
}

async function putObject(
  peer: PeerLimits,
  { bucket, key }: AskedRequest,
  headers: IncomingHttpHeaders,
  body: Buffer,
  old: StoredObject | undefined,
): Promise<PeerAnswer> {
  const condition = headers['if-none-match'];
  if (condition !== undefined && condition !== '*') throw new S3Refusal(501, 'NotImplemented');
  if (condition === '*' && old !== undefined) throw new S3Refusal(412, 'PreconditionFailed');
  if (peer.needsMd5 && headers['content-md5'] === undefined) {
    const words =
      'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters';
    throw new S3Refusal(400, 'InvalidRequest', words);
  }
  if (peer.objects.usedBytes - (old?.bytes.length ?? 0) + body.length > peer.quotaBytes)
    throw new S3Refusal(403, 'QuotaExceeded');
  return { status: 200, headers: { etag: (await peer.objects.put(bucket, key, body)).etag } };
}

function readObject({ bytes, etag, modifiedAt }: StoredObject, range: string | undefined): PeerAnswer {
  const headers = { etag, 'last-modified': new Date(modifiedAt).toUTCString(), 'accept-ranges': 'bytes' };
  if (range === undefined) return { status: 200, headers, bytes };
  const [, from, to = ''] = /^bytes=(\d+)-(\d*)$/u.exec(range) ?? [];
  const begin = Number(from);
  const last = Math.min(to === '' ? Infinity : Number(to), bytes.length - 1);
  if (from === undefined || begin > last) throw new S3Refusal(416, 'InvalidRange');
  const part = { 'content-range': `bytes ${begin}-${last}/${bytes.length}` };
  return { status: 206, headers: { ...headers, ...part }, bytes: bytes.subarray(begin, last + 1) };
}
