import { createHash, createHmac } from 'node:crypto';

/** Who signs, and for which region; the service is always `s3`. */
export interface S3Credentials {
  accessKey: string;
  secretKey: string;
  region: string;
}

/** What of a request is signed. */
export interface S3Signable {
  method: string;
  /** Encoded as it is sent, see {@link encodePath}. */
  path: string;
  /** Not encoded. */
  query?: Readonly<Record<string, string>>;
  /** Every one of them is signed; `host` must be among them. Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hexadecimal digits. */
  payloadHash: string;
}

/** Hash of no body at all. */
export const emptyHash = createHash('sha256').digest('hex');

/**
 * The headers of a signed request: those given plus date, payload hash and authorization.
 * Source: AWS Signature Version 4, "Authenticating Requests: Using the Authorization Header", signed payload.
 * @param now epoch ms, by the clock that the server is to agree with
 */
export function signRequest(request: S3Signable, credentials: S3Credentials, now: number): Record<string, string> {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/gu, '');
  const headers = { ...request.headers, 'x-amz-content-sha256': request.payloadHash, 'x-amz-date': time };
  const lines = Object.entries(headers).sort(byName);
  const signed = lines.map(([name]) => name).join(';');
  const canonical = [
    request.method,
    request.path,
    encodeQuery(request.query ?? {}),
    ...lines.map(([name, value]) => `${name}:${value.trim().replace(/ +/gu, ' ')}`),
    '',
    signed,
    request.payloadHash,
  ].join('\n');
  const day = time.slice(0, 8);
  const scope = `${day}/${credentials.region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const signature = hmac(signingKey(credentials, day), text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKey}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
  return { ...headers, authorization };
}

/** Encodes each segment of a path as signatures want it; slashes stay. */
export function encodePath(path: string): string {
  return path.split('/').map(encode).join('/');
}

/** The query as it is signed and sent: sorted, everything but unreserved characters encoded. */
export function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]): [string, string] => [encode(name), encode(value)])
    .sort(byName)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/gu, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function signingKey({ secretKey, region }: S3Credentials, day: string): Buffer {
  return [region, 's3', 'aws4_request'].reduce((key, text) => hmac(key, text), hmac(`AWS4${secretKey}`, day));
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
