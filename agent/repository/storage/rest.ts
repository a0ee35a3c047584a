import type { IncomingMessage } from 'node:http';
import { AppError, hasCode } from '../../../shared/errors.ts';
import { parseRestAddress, restPath, restVersion2 } from './rest-address.ts';
import { readAll, readInto } from './rest-body.ts';
import { type RestAnswer, RestClient, type RestExchange } from './rest-client.ts';
import { offeredFingerprint, parseTrust } from './rest-dial.ts';
import { ListingParser } from './rest-listing.ts';
import { type ByteRange, type FileType, folderOfType, fileTypes, type Storage, type StoredFile } from './storage.ts';

/** Nothing of a repository is longer; a server that says otherwise must not make us allocate it. */
const largestFile = 2 ** 30;
/** `config` is a few hundred bytes. */
const largestConfig = 2 ** 20;

export interface RestOptions {
  /** `https://host:8000/path/`, also with `rest:` before it; holds no user and no password. */
  url: string;
  user?: string;
  /** The user's password. */
  secret?: string;
  /** `SHA256:…` of the server's certificate: exactly this one is accepted. */
  fingerprint?: string;
  /** PEM of the authority that signed the server's certificate. */
  caCertificate?: string;
  /** Nothing moving for so many ms is a failure. Default 60 000. */
  stallMs?: number;
  /** Default 30 000. */
  dialTimeoutMs?: number;
}

/** A repository on a server of restic's REST protocol, version 2. One request stores one file, whole or not at all. */
export class RestStorage implements Storage {
  readonly location: string;
  readonly connections = 5;
  /** Three packs keep a line busy; the others wait for the server's disk. */
  readonly sending = 3;
  readonly #client: RestClient;

  /** Opens no connection. @throws AppError invalidValue (url, fingerprint) */
  constructor(options: RestOptions) {
    const { user, secret, stallMs = 60_000, dialTimeoutMs = 30_000 } = options;
    const address = parseRestAddress(options.url);
    if (user?.includes(':') === true)
      throw new AppError('invalidValue', 'the user name holds a colon', { field: 'user' });
    const login = user === undefined ? undefined : Buffer.from(`${user}:${secret ?? ''}`, 'utf8').toString('base64');
    this.location = address.shown;
    this.#client = new RestClient({
      ...{ address, stallMs, dialTimeoutMs, trust: parseTrust(options) },
      authorization: login === undefined ? undefined : `Basic ${login}`,
    });
  }

  /**
   * The fingerprint of the certificate that the server shows, before any login: for a person to compare.
   * @throws AppError storageFailed when it is not reached, storageDenied when it speaks no TLS, invalidValue for http
   */
  static fingerprintOf(url: string, timeoutMs = 30_000): Promise<string> {
    return offeredFingerprint(parseRestAddress(url), timeoutMs);
  }

  /** The protocol shows repository files only, so strangers in the folder are not seen. */
  async isEmpty(): Promise<boolean> {
    if ((await this.#sizeIfThere('config')) !== undefined) return false;
    for (const type of fileTypes) for await (const _file of this.list(type)) return false;
    return true;
  }

  prepare(): Promise<void> {
    return this.#client.call({ method: 'POST', path: '?create=true', body: [] }, nothing);
  }

  async readConfig(): Promise<Buffer | undefined> {
    try {
      return await this.#client.call({ method: 'GET', path: 'config' }, (answer) => wholeBody(answer, largestConfig));
    } catch (error) {
      if (hasCode(error, 'notFound')) return undefined;
      throw error;
    }
  }

  /** Another config that is there already is never replaced: somebody else's repository hangs on it. */
  async writeConfig(bytes: Uint8Array): Promise<void> {
    const refusal = await this.#post('config', [bytes]);
    if (refusal === undefined || (await this.readConfig())?.equals(bytes) === true) return;
    throw refusal;
  }

  async *list(type: FileType): AsyncIterable<StoredFile> {
    const path = `${folderOfType[type]}/`;
    const parser = new ListingParser(`${this.location}${path}`);
    const exchange = await this.#openListing(path);
    // A repository that was not made yet, and with some servers one that has no such file.
    if (exchange === undefined) return;
    const { message, deadline, errorOf, end } = exchange;
    try {
      for await (const chunk of message as AsyncIterable<Buffer>) {
        deadline.pause();
        yield* parser.feed(chunk);
        deadline.resume();
      }
    } catch (error) {
      throw errorOf(error);
    } finally {
      await end();
    }
    parser.end();
  }

  size(type: FileType, name: string): Promise<number> {
    const path = restPath(type, name);
    return this.#size(path);
  }

  async read(type: FileType, name: string, range?: ByteRange): Promise<Buffer> {
    const path = restPath(type, name);
    if (range === undefined)
      return this.#client.call({ method: 'GET', path }, (answer) => wholeBody(answer, largestFile));
    const { offset, length } = range;
    if (length === 0) return this.#readNothing(type, name, offset);
    const headers = { Range: `bytes=${offset}-${offset + length - 1}` };
    return this.#client.call({ method: 'GET', path, headers }, (answer) =>
      rangeBody(`${this.location}${path}`, answer, range),
    );
  }

  /**
   * The server must have refused to overwrite when the name is taken: the same size is then the same file. One of another
   * size is torn and makes place.
   */
  async write(type: FileType, name: string, parts: readonly Uint8Array[]): Promise<void> {
    const path = restPath(type, name);
    const refusal = await this.#post(path, parts);
    if (refusal === undefined) return;
    const there = await this.#sizeIfThere(path);
    if (there === undefined) throw refusal;
    if (there === parts.reduce((sum, part) => sum + part.length, 0)) return;
    await this.remove(type, name);
    const again = await this.#post(path, parts);
    if (again !== undefined) throw again;
  }

  async remove(type: FileType, name: string): Promise<void> {
    try {
      await this.#client.call({ method: 'DELETE', path: restPath(type, name) }, nothing);
    } catch (error) {
      if (!hasCode(error, 'notFound')) throw error;
    }
  }

  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  /** @returns why it was refused when the reason may be that the name is taken */
  async #post(path: string, body: readonly Uint8Array[]): Promise<AppError | undefined> {
    try {
      await this.#client.call({ method: 'POST', path, body }, nothing);
      return undefined;
    } catch (error) {
      if (hasCode(error, 'storageDenied')) return error;
      throw error;
    }
  }

  async #openListing(path: string): Promise<RestExchange | undefined> {
    try {
      return await this.#client.open({ method: 'GET', path, headers: { Accept: restVersion2 } });
    } catch (error) {
      if (hasCode(error, 'notFound')) return undefined;
      throw error;
    }
  }

  async #readNothing(type: FileType, name: string, offset: number): Promise<Buffer> {
    const sizeBytes = await this.size(type, name);
    if (offset <= sizeBytes) return Buffer.alloc(0);
    throw new AppError(
      'repositoryDamaged',
      `${this.location}${restPath(type, name)} ends at ${sizeBytes} of ${offset} bytes`,
    );
  }

  async #sizeIfThere(path: string): Promise<number | undefined> {
    try {
      return await this.#size(path);
    } catch (error) {
      if (hasCode(error, 'notFound')) return undefined;
      throw error;
    }
  }

  #size(path: string): Promise<number> {
    return this.#client.call({ method: 'HEAD', path }, async (answer) => {
      await nothing(answer);
      const length = contentLength(answer.message);
      if (length === undefined) throw new Error('the server does not say how large it is');
      return length;
    });
  }
}

/** Reads an answer whose body says nothing. */
async function nothing({ message, deadline }: RestAnswer): Promise<void> {
  await readAll(message, 64 * 1024, () => deadline.progress());
}

/** Node has checked that it is digits. */
function contentLength({ headers }: IncomingMessage): number | undefined {
  const length = Number(headers['content-length'] ?? Number.NaN);
  return Number.isSafeInteger(length) ? length : undefined;
}

/** What a proxy on the way made of it is not what was stored. */
function checkEncoding({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new Error(`the answer is encoded: ${encoding.slice(0, 40)}`);
}

async function wholeBody({ status, message, deadline }: RestAnswer, limit: number): Promise<Buffer> {
  checkEncoding(message);
  if (status !== 200) throw new Error(`the server answered ${status}`);
  const length = contentLength(message);
  if (length === undefined) return readAll(message, limit, () => deadline.progress());
  if (length > limit) throw new Error(`the server announces ${length} bytes`);
  const bytes = Buffer.allocUnsafeSlow(length);
  const count = await readInto(message, bytes, () => deadline.progress());
  if (count !== length) throw new Error(`the answer ended at ${count} of ${length} bytes`);
  return bytes;
}

async function rangeBody(shown: string, answer: RestAnswer, { offset, length }: ByteRange): Promise<Buffer> {
  const { status, message, deadline } = answer;
  checkEncoding(message);
  if (status === 200) {
    throw new AppError('unsupported', `${shown}: the server sends the whole file instead of the part`, {
      hint: 'Check whether a proxy on the way removes the Range header.',
    });
  }
  const announced = contentLength(message) ?? length;
  const start = /^bytes (\d+)-/u.exec(message.headers['content-range'] ?? '')?.[1];
  if (announced > length || (start !== undefined && Number(start) !== offset))
    throw new Error('the server sends another part than it was asked for');
  if (announced < length) throw tooShort(shown, offset + announced, offset + length);
  const bytes = Buffer.allocUnsafeSlow(length);
  const count = await readInto(message, bytes, () => deadline.progress());
  if (count < length) throw tooShort(shown, offset + count, offset + length);
  return bytes;
}

function tooShort(shown: string, end: number, wanted: number): AppError {
  return new AppError('repositoryDamaged', `${shown} ends at ${end} of ${wanted} bytes`);
}
