import type { S3Address } from './s3-address.ts';
import { problemError, readProblem, type S3Problem } from './s3-errors.ts';
import { type HttpAnswer, isSuccess } from './s3-exchange.ts';
import type { HttpClient } from './s3-http.ts';
import { emptyHash, encodePath, encodeQuery, type S3Credentials, signRequest } from './s3-signature.ts';

/** One request to the bucket, or to a key in it. */
export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** Undefined for the bucket itself. */
  key?: string;
  /** Not encoded. */
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  parts?: readonly Uint8Array[];
  /** SHA-256 of the parts; left out without parts. */
  payloadHash?: string;
  onSent?: (() => void) | undefined;
  /** Longest answer that is taken, bytes. Default 64 KiB. */
  mostBytes?: number;
}

/** What came of a request: the answer, or why the server did not want to. */
export type S3Outcome =
  | { answer: HttpAnswer; problem?: undefined; error?: undefined }
  | { answer?: undefined; problem: S3Problem; error: Error };

/** Signed requests to one bucket. */
export class S3Client {
  readonly #address: S3Address;
  readonly #credentials: S3Credentials;
  readonly #http: HttpClient;
  readonly #now: () => number;

  constructor(address: S3Address, credentials: S3Credentials, http: HttpClient, now: () => number) {
    this.#address = address;
    this.#credentials = credentials;
    this.#http = http;
    this.#now = now;
  }

  /** @throws AppError storageFailed when there is no answer, storageDenied for a certificate */
  async try(where: string, request: S3Request): Promise<S3Outcome> {
    const { method, key, query = {}, parts, onSent, mostBytes = 64 * 1024 } = request;
    const { bucket, authority } = this.#address;
    const path = encodePath(key === undefined ? `/${bucket}` : `/${bucket}/${key}`);
    const sentAt = this.#now();
    const signable = { method, path, query, headers: { ...request.headers, host: authority } };
    const headers = signRequest(
      { ...signable, payloadHash: request.payloadHash ?? emptyHash },
      this.#credentials,
      sentAt,
    );
    const search = encodeQuery(query);
    const sent = { method, path: search === '' ? path : `${path}?${search}`, headers, parts, onSent, mostBytes };
    const answer = await this.#http.send(where, sent);
    if (isSuccess(answer.status)) return { answer };
    const problem = readProblem(answer);
    return { problem, error: problemError(where, problem, sentAt) };
  }

  /** Like {@link try}, for requests that must succeed. @throws AppError what the server's refusal means */
  async request(where: string, request: S3Request): Promise<HttpAnswer> {
    const outcome = await this.try(where, request);
    if (outcome.answer === undefined) throw outcome.error;
    return outcome.answer;
  }

  close(): void {
    this.#http.close();
  }
}
