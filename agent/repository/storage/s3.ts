import { AppError, hasCode } from '../../../shared/errors.ts';
import { parseS3Address, type S3Address } from './s3-address.ts';
import { parsePage, type S3Object } from './s3-answers.ts';
import { S3Client } from './s3-client.ts';
import { HttpClient } from './s3-http.ts';
import {
  announcedLength,
  asksForMd5,
  checkLogin,
  hashOf,
  keysPerPage,
  listRequest,
  makeBucketRequest,
  md5Of,
  notFound,
  rangeBody,
  tooShort,
  wholeBody,
} from './s3-requests.ts';
import {
  type ByteRange,
  checkFileName,
  type FileType,
  folderOfType,
  isFileName,
  type Storage,
  type StoredFile,
} from './storage.ts';

/** Nothing of a repository is longer; a server that says otherwise must not make us allocate it. */
const largestFile = 2 ** 30;
/** A hundred million files: a server that goes on for ever is stopped somewhere. */
const mostPages = 100_000;

export interface S3Options {
  /** `http(s)://host[:port]/bucket[/prefix]`, without keys. */
  url: string;
  accessKey: string;
  secretKey: string;
  /** Default `us-east-1`. */
  region?: string;
  /** PEM of the authority, or of the server itself when it is self-signed; public authorities then count no more. */
  caCertificate?: string;
  /** No progress for so many ms is a failure. Default 60 000. */
  stallMs?: number;
  /** Whether to compute what bodies are signed with, for names that are no hashes of the content (tests). Default false. */
  hashBodies?: boolean;
  /** For tests: the clock that requests are signed by. */
  now?: () => number;
}

/**
 * A repository in a bucket of an S3 server, laid out as restic's s3 backend does. A file is one PUT that carries the
 * content's hash in its signature, so it appears whole or not at all, and a server refuses bytes that were damaged on the
 * way.
 */
export class S3Storage implements Storage {
  readonly location: string;
  readonly connections = 5;
  /** Packs whose answer is waited for need no memory. */
  readonly sending = 3;
  readonly #address: S3Address;
  readonly #region: string;
  readonly #client: S3Client;
  readonly #hashBodies: boolean;
  /** Servers that lock objects want this hash too; undefined until one has taken a file. */
  #needsMd5: boolean | undefined;

  /** Opens no connection. @throws AppError invalidValue (address, keys, region, certificate) */
  constructor(options: S3Options) {
    const { accessKey, secretKey, region = 'us-east-1', caCertificate, stallMs = 60_000, now = Date.now } = options;
    this.#address = parseS3Address(options.url);
    const login = { accessKey, secretKey, region };
    checkLogin(login, caCertificate);
    this.location = `s3:${this.#address.location}`;
    this.#region = region;
    this.#hashBodies = options.hashBodies ?? false;
    const { isTls, host, port } = this.#address;
    const http = new HttpClient({ isTls, host, port, caCertificate, stallMs });
    this.#client = new S3Client(this.#address, login, http, now);
  }

  async isEmpty(): Promise<boolean> {
    // Some tools mark folders by empty objects.
    for await (const { key, sizeBytes } of this.#objects(''))
      if (sizeBytes > 0 || (key !== '' && !key.endsWith('/'))) return false;
    return true;
  }

  /** Makes the bucket when it is missing; folders need no making. */
  async prepare(): Promise<void> {
    const where = `the bucket ${this.#address.bucket} of ${this.location}`;
    const { problem, error } = await this.#client.try(where, listRequest(this.#address.prefix, 1));
    if (problem === undefined) return;
    if (problem.code !== 'NoSuchBucket') throw error;
    const made = await this.#client.try(where, makeBucketRequest(this.#region));
    if (made.problem !== undefined && made.problem.code !== 'BucketAlreadyOwnedByYou') throw made.error;
  }

  async readConfig(): Promise<Buffer | undefined> {
    try {
      return await this.#readFile('config');
    } catch (error) {
      if (hasCode(error, 'notFound')) return undefined;
      throw error;
    }
  }

  writeConfig(bytes: Uint8Array): Promise<void> {
    return this.#writeFile('config', [bytes], hashOf([bytes]));
  }

  async *list(type: FileType): AsyncIterable<StoredFile> {
    const folder = `${folderOfType[type]}/`;
    for await (const { key, sizeBytes } of this.#objects(folder)) {
      const name = key.slice(key.lastIndexOf('/') + 1);
      if (isFileName(name) && key === pathOf(type, name)) yield { name, sizeBytes };
    }
  }

  async size(type: FileType, name: string): Promise<number> {
    return this.#sizeOf(pathOf(type, name));
  }

  async read(type: FileType, name: string, range?: ByteRange): Promise<Buffer> {
    return this.#readFile(pathOf(type, name), range);
  }

  async write(type: FileType, name: string, parts: readonly Uint8Array[], onSent?: () => void): Promise<void> {
    const path = pathOf(type, name);
    await this.#writeFile(path, parts, this.#hashBodies ? hashOf(parts) : name, onSent);
  }

  async remove(type: FileType, name: string): Promise<void> {
    const path = pathOf(type, name);
    const request = { method: 'DELETE', key: this.#key(path) } as const;
    const { problem, error } = await this.#client.try(this.#shown(path), request);
    if (problem !== undefined && problem.status !== 404) throw error;
  }

  /** Ends the connections; what is under way fails. A later call dials again. */
  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  #key(path: string): string {
    return this.#address.prefix + path;
  }

  #shown(path: string): string {
    return `${this.location}/${path}`;
  }

  async #sizeOf(path: string): Promise<number> {
    const where = this.#shown(path);
    const { answer, problem, error } = await this.#client.try(where, { method: 'HEAD', key: this.#key(path) });
    if (answer !== undefined) return announcedLength(where, answer);
    if (problem.status === 404) throw notFound(where);
    // The answer to HEAD has no body that could say more than a status: asked in another way, the server explains it.
    await this.#client.request(where, { method: 'GET', key: this.#key(path), headers: { range: 'bytes=0-0' } });
    throw error;
  }

  async #readFile(path: string, range?: ByteRange): Promise<Buffer> {
    const where = this.#shown(path);
    const end = range === undefined ? 0 : range.offset + range.length;
    if (range?.length === 0) {
      if ((await this.#sizeOf(path)) < end) throw tooShort(where, end);
      return Buffer.alloc(0);
    }
    const headers: Record<string, string> = range === undefined ? {} : { range: `bytes=${range.offset}-${end - 1}` };
    const mostBytes = range?.length ?? largestFile;
    const asked = { method: 'GET', key: this.#key(path), headers, mostBytes } as const;
    const { answer, problem, error } = await this.#client.try(where, asked);
    if (answer !== undefined) return range === undefined ? wholeBody(where, answer) : rangeBody(where, answer, range);
    if (problem.status === 404) throw notFound(where);
    throw problem.status === 416 ? tooShort(where, end) : error;
  }

  async #writeFile(
    path: string,
    parts: readonly Uint8Array[],
    payloadHash: string,
    onSent?: () => void,
  ): Promise<void> {
    const where = this.#shown(path);
    const put = { method: 'PUT', key: this.#key(path), parts, payloadHash } as const;
    const headers = { 'content-type': 'application/octet-stream' };
    if (this.#needsMd5 !== true) {
      // Until the server has taken a file, the parts may be needed once more.
      const released = this.#needsMd5 === false ? onSent : undefined;
      const { problem, error } = await this.#client.try(where, { ...put, headers, onSent: released });
      if (problem !== undefined && !asksForMd5(problem)) throw error;
      this.#needsMd5 = problem !== undefined;
      if (problem === undefined) return;
      if (released !== undefined) throw new AppError('storageFailed', `${where}: the server now asks for Content-MD5`);
    }
    await this.#client.request(where, { ...put, headers: { ...headers, 'content-md5': md5Of(parts) }, onSent });
  }

  /** Every object below a folder, with its key from the repository's root on; none when there is no bucket. */
  async *#objects(folder: string): AsyncGenerator<S3Object> {
    const where = this.#shown(folder);
    const prefix = this.#key(folder);
    let from: string | undefined;
    for (let page = 0; page < mostPages; page++) {
      const { answer, problem, error } = await this.#client.try(where, listRequest(prefix, keysPerPage, from));
      if (answer === undefined) {
        if (problem.code === 'NoSuchBucket') return;
        throw error;
      }
      const { objects, next } = parsePage(answer.body.toString('utf8'));
      for (const { key, sizeBytes } of objects)
        if (key.startsWith(prefix)) yield { key: key.slice(this.#address.prefix.length), sizeBytes };
      if (next === undefined) return;
      if (next === from) break;
      from = next;
    }
    throw new AppError('storageFailed', `${where}: the server's listing does not end`);
  }
}

/** Where a file stands inside the repository. @throws AppError invalidValue */
function pathOf(type: FileType, name: string): string {
  checkFileName(name);
  return type === 'data' ? `${folderOfType.data}/${name.slice(0, 2)}/${name}` : `${folderOfType[type]}/${name}`;
}
