import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { checkSignature, type PeerLogin } from './check-signature.ts';
import { type AskedRequest, doRequest } from './s3-operations.ts';
import { readPayload } from './read-payload.ts';
import { S3Objects } from './s3-objects.ts';
import { refusalDocument, S3Refusal } from './s3-refusal.ts';

export type S3Fault =
  /** The request is taken and never answered, as a full Ceph does. */
  | { kind: 'hang' }
  /** The connection breaks once so many bytes of the body have come. */
  | { kind: 'cutUpload'; afterBytes: number }
  /** The connection breaks once so many bytes of the body have gone. */
  | { kind: 'cutDownload'; afterBytes: number }
  /** The body goes in pieces of a kilobyte with a pause after each. */
  | { kind: 'slowDownload'; pauseMs: number }
  /** The body is taken slowly, so the line to the peer stands still again and again. */
  | { kind: 'slowUpload'; pauseMs: number }
  /** Answers before the body was read, and reads none of it. */
  | { kind: 'refuse'; status: number; code: string; more?: Record<string, string>; headers?: Record<string, string> }
  /** Does what it is asked and loses the answer. */
  | { kind: 'loseAnswer' }
  /** Sends this instead of an answer, whatever it is, and closes without reading on. */
  | { kind: 'raw'; text: string };

interface PeerOptions {
  login?: PeerLogin;
  /** Objects are kept here as well. */
  folder?: string;
  /** PEM; the peer speaks https with it. */
  tls?: { key: string; cert: string };
}

export const peerLogin: PeerLogin = { accessKey: 'PEERKEY', secretKey: 'peer/secret+key=' };

/**
 * A small and strict S3 server for tests: signatures, hashes and lengths are checked as AWS does, what it does not know it
 * refuses (501), an object is there when its whole body has come and not before. Faults are switched on by the test.
 */
export class S3Peer {
  readonly login: PeerLogin;
  readonly objects: S3Objects;
  readonly #isTls: boolean;
  readonly #server: Server;
  /** Every request that was asked, as `METHOD bucket/key`. */
  readonly asked: string[] = [];
  /** Connections that were opened. */
  connections = 0;
  /** Decides what goes wrong with a request. */
  fault: (request: AskedRequest) => S3Fault | undefined = () => undefined;
  /** What may be stored in all. */
  quotaBytes = Infinity;
  /** How far the peer's clock goes wrong. */
  clockOffsetMs = 0;
  /** Keys on a page of a listing. */
  pageKeys = 1000;
  /** Whether uploads must carry Content-MD5, as AWS wants it for buckets with a retention. */
  needsMd5 = false;

  private constructor(objects: S3Objects, { login = peerLogin, tls }: PeerOptions) {
    this.objects = objects;
    this.login = login;
    this.#isTls = tls !== undefined;
    const handler = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = tls === undefined ? createHttpServer(handler) : createHttpsServer(tls, handler);
    this.#server.on('connection', () => this.connections++);
  }

  /** Listens on 127.0.0.1 until the test ends. */
  static async start(options: PeerOptions = {}): Promise<S3Peer> {
    const peer = await S3Peer.open(options);
    onTestFinished(() => peer.stop());
    return peer;
  }

  /** The same outside of tests; the caller stops it. */
  static async open(options: PeerOptions = {}): Promise<S3Peer> {
    const peer = new S3Peer(await S3Objects.open(options.folder), options);
    await peer.listen();
    return peer;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the peer does not listen');
    return address.port;
  }

  get url(): string {
    return `${this.#isTls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Breaks all connections and listens no more. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  /** Breaks all connections. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  /** Keys of a bucket, sorted. */
  keys(bucket: string): string[] {
    return [...(this.objects.buckets.get(bucket)?.keys() ?? [])].sort();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.sendDate = false;
    response.setHeader('date', new Date(this.#now()).toUTCString());
    request.on('error', () => undefined);
    try {
      const asked = readAsked(request);
      this.asked.push(`${asked.method} ${asked.bucket}/${asked.key}`);
      await this.#answer(asked, request, response);
    } catch (error) {
      if (!(error instanceof S3Refusal)) {
        response.destroy();
        if (!request.destroyed) console.error('the S3 peer failed', error);
        return;
      }
      const body = request.method === 'HEAD' ? '' : refusalDocument(error);
      response.writeHead(error.status, {
        'content-type': 'application/xml',
        'content-length': Buffer.byteLength(body),
      });
      response.end(body);
    }
  }

  async #answer(asked: AskedRequest, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.fault(asked);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'raw') {
      request.socket.end(fault.text, () => request.socket.destroy());
      return;
    }
    if (fault?.kind === 'refuse') {
      for (const [name, value] of Object.entries(fault.headers ?? {})) response.setHeader(name, value);
      throw new S3Refusal(fault.status, fault.code, `by order of the test`, fault.more);
    }
    const seed = checkSignature(request, this.login, this.#now());
    if (request.method === 'PUT' && request.headers['content-length'] === undefined)
      throw new S3Refusal(411, 'MissingContentLength');
    const body = await readBody(request, fault);
    const {
      status,
      headers = {},
      bytes,
    } = await doRequest(this, asked, request.headers, readPayload(request, body, seed));
    if (fault?.kind === 'loseAnswer') {
      request.socket.destroy();
      return;
    }
    const length = bytes === undefined && status === 204 ? {} : { 'content-length': bytes?.length ?? 0 };
    response.writeHead(status, { ...length, ...headers });
    await sendBody(response, request.method === 'HEAD' ? undefined : bytes, fault);
  }

  #now(): number {
    return Date.now() + this.clockOffsetMs;
  }
}

function readAsked(request: IncomingMessage): AskedRequest {
  const [path = '', search = ''] = (request.url ?? '').split('?', 2);
  const [, bucket = '', ...segments] = path.split('/').map(decodeURIComponent);
  return { method: request.method ?? '', bucket, key: segments.join('/'), query: new URLSearchParams(search) };
}

async function readBody(request: IncomingMessage, fault: S3Fault | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (fault?.kind === 'slowUpload') await sleep(fault.pauseMs);
    if (fault?.kind === 'cutUpload' && length >= fault.afterBytes) request.socket.destroy();
  }
  return Buffer.concat(chunks);
}

async function sendBody(
  response: ServerResponse,
  bytes: Buffer | undefined,
  fault: S3Fault | undefined,
): Promise<void> {
  if (bytes === undefined || (fault?.kind !== 'slowDownload' && fault?.kind !== 'cutDownload')) {
    response.end(bytes);
    return;
  }
  if (fault.kind === 'cutDownload') {
    response.write(bytes.subarray(0, fault.afterBytes), () => response.destroy());
    return;
  }
  for (let at = 0; at < bytes.length && !response.destroyed; at += 1024) {
    response.write(bytes.subarray(at, at + 1024));
    await sleep(fault.pauseMs);
  }
  response.end();
}
