import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { AppError } from '../../../shared/errors.ts';
import { Patience } from './s3-patience.ts';

/** Bytes handed over at a time, so that even a very slow line shows progress. */
const pieceBytes = 64 * 1024;
/** Our system may hold so much of what was sent; how that drains cannot be seen, so the answer may take longer. */
const heldBack = { bytes: 4 * 1024 * 1024, bytesPerMs: 64 };
/** An answer that says what went wrong is read up to here. */
const longestProblem = 256 * 1024;
/** A length that a server announces is believed up to here; more grows with what really comes. */
const largestStart = 32 * 1024 * 1024;

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface ExchangeOptions {
  parts: readonly Uint8Array[];
  /** Called once when the parts are needed no more, if it comes so far. */
  onSent?: (() => void) | undefined;
  /** A longer answer is refused; of one that is no success only the beginning is kept. */
  mostBytes: number;
  /** No progress for so many ms is a failure. */
  stallMs: number;
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** One request and its answer. When it settles, nothing touches the parts any more. */
export class HttpExchange {
  readonly #outgoing: ClientRequest;
  readonly #options: ExchangeOptions;
  readonly #patience: Patience;
  readonly #answered: Promise<IncomingMessage>;
  #reason: AppError | undefined;
  #isAnswered = false;
  #isReleased = false;

  /** @param outgoing not ended, with a Content-Length that fits the parts */
  constructor(outgoing: ClientRequest, options: ExchangeOptions) {
    this.#outgoing = outgoing;
    this.#options = options;
    const sizeBytes = lengthOf(options.parts);
    this.#patience = new Patience(options.stallMs, sizeBytes + options.mostBytes, (ms) =>
      this.abort(new AppError('storageFailed', `nothing came from the server for ${ms} ms`)),
    );
    this.#answered = this.#listen();
    this.#answered.catch(() => undefined);
  }

  /**
   * Whether, after a failure, the server may have closed a kept connection at the moment when it was used again, and the
   * parts are still there to be sent over another one.
   */
  get isStale(): boolean {
    return this.#outgoing.reusedSocket && !this.#isAnswered && !this.#isReleased && this.#reason === undefined;
  }

  /** {@link run} fails with the reason. */
  abort(reason: AppError): void {
    this.#reason ??= reason;
    this.#outgoing.destroy(reason);
  }

  /** @throws AppError the reason of {@link abort}, storageFailed; errors of node:http and node:tls */
  async run(): Promise<HttpAnswer> {
    try {
      const sent = this.#send();
      const incoming = await Promise.race([this.#answered, sent.then(() => this.#answered)]);
      this.#isAnswered = true;
      const answer = await this.#read(incoming);
      if (this.#outgoing.writableFinished) return answer;
      if (isSuccess(answer.status)) throw new Error('the server answered before it had everything');
      this.#outgoing.destroy();
      return answer;
    } catch (error) {
      this.#outgoing.destroy();
      throw this.#reason ?? error;
    } finally {
      this.#patience.end();
    }
  }

  #listen(): Promise<IncomingMessage> {
    const touch = () => this.#patience.touch();
    return new Promise((resolve, reject) => {
      this.#outgoing
        .once('response', resolve)
        .on('error', reject)
        .once('close', () => reject(new Error('the connection is lost')))
        // Before it has a connection, a request stands in line behind others that have their deadlines.
        .once('socket', (socket) => {
          this.#patience.begin();
          if (socket.connecting) socket.once('connect', touch).once('secureConnect', touch);
        });
    });
  }

  /** Stops early when the server has answered or the connection is lost: who waits for the answer hears why. */
  async #send(): Promise<void> {
    const outgoing = this.#outgoing;
    for (const part of this.#options.parts) {
      for (let at = 0; at < part.length; at += pieceBytes) {
        if (this.#isAnswered || outgoing.destroyed) return;
        if (!outgoing.write(part.subarray(at, at + pieceBytes))) await this.#event('drain');
        this.#patience.touch();
      }
    }
    outgoing.end();
    if (!outgoing.writableFinished) await this.#event('finish');
    if (!outgoing.writableFinished || this.#isAnswered) return;
    this.#patience.touchAndAllow(Math.min(lengthOf(this.#options.parts), heldBack.bytes) / heldBack.bytesPerMs);
    if (this.#options.onSent === undefined) return;
    this.#isReleased = true;
    this.#options.onSent();
  }

  /** Settles too when the connection ends. */
  #event(name: 'drain' | 'finish'): Promise<void> {
    const outgoing = this.#outgoing;
    return new Promise((resolve) => {
      const done = () => {
        outgoing.off(name, done).off('close', done);
        resolve();
      };
      outgoing.on(name, done).on('close', done);
      if (outgoing.destroyed) done();
    });
  }

  async #read(incoming: IncomingMessage): Promise<HttpAnswer> {
    this.#patience.touch();
    const { statusCode: status = 0, headers } = incoming;
    const limit = isSuccess(status) ? this.#options.mostBytes : longestProblem;
    const body = new GrowingBuffer(Math.min(Number(headers['content-length'] ?? 0), limit, largestStart));
    try {
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        this.#patience.touch();
        if (body.length + chunk.length > limit) throw new Error('the server sends more than was asked for');
        body.append(chunk);
      }
    } catch (error) {
      // The status of a refusal says enough when the connection ends within its explanation.
      if (isSuccess(status) || this.#reason !== undefined) throw error;
      this.#outgoing.destroy();
    }
    return { status, headers, body: body.bytes };
  }
}

class GrowingBuffer {
  #bytes: Buffer;
  length = 0;

  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafeSlow(expected >= 0 ? expected : 0);
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  append(chunk: Buffer): void {
    const needed = this.length + chunk.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.bytes.copy(grown);
      this.#bytes = grown;
    }
    this.length += chunk.copy(this.#bytes, this.length);
  }
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
