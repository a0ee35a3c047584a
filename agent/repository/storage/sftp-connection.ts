import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { Slots } from '../slots.ts';
import type { DialledSftp } from './sftp-dial.ts';
import { parseFileSystem, type SftpFileSystem, sftpStatus, SftpStatusError } from './sftp-errors.ts';

/** Bytes of one read or write: fits the packets of every OpenSSH; the library divides it further for other servers. */
export const requestBytes = 254 * 1024;
/** Reads and writes under way at a time; more only fills memory, since OpenSSH's window is 2 MiB. */
export const requestsInFlight = 16;
/** A request may stand in line behind others of its connection, but not for ever. */
const longestWaitFactor = 10;
const largestHandle = 256;

type Answer = (error: Error | null | undefined, value?: unknown) => void;

interface Pending {
  reject: (error: Error) => void;
  sentAt: number;
}

export interface SftpPatience {
  /** No answer at all for so many ms while requests wait ends the connection. */
  stallMs: number;
  /** A connection without requests is closed after so many ms. */
  idleMs: number;
}

/**
 * One SFTP session: every request is a promise with a deadline, answers are checked for their kind, and when the connection
 * ends, whatever waits for it fails at once. Requests reject with SftpStatusError for what the server answered and AppError
 * storageFailed for a connection that is lost.
 */
export class SftpConnection {
  readonly #sftp: SFTPWrapper;
  readonly #dialled: DialledSftp;
  readonly #patience: SftpPatience;
  readonly #where: string;
  readonly #data = new Slots(requestsInFlight);
  readonly #pending = new Set<Pending>();
  #lastAnswerAt = 0;
  #failure: AppError | undefined;
  #watch: NodeJS.Timeout | undefined;

  /** @param where the address for messages */
  constructor(dialled: DialledSftp, where: string, patience: SftpPatience) {
    this.#dialled = dialled;
    this.#sftp = dialled.sftp;
    this.#where = where;
    this.#patience = patience;
    const lost = () => this.#end('the connection is lost');
    const broken = (error: unknown) => this.#end(`the connection is lost: ${messageOf(error)}`);
    dialled.client.on('end', lost).on('close', lost).on('error', broken);
    dialled.sftp.on('end', lost).on('close', lost).on('error', broken);
    this.#rest();
  }

  get isAlive(): boolean {
    return this.#failure === undefined && !this.#dialled.socket.destroyed;
  }

  /** Ends the connection; requests under way fail with storageFailed. */
  close(): void {
    this.#dialled.client.end();
    this.#end('the connection was closed');
  }

  open(path: string, flags: 'r' | 'wx'): Promise<Buffer> {
    const attributes = flags === 'wx' ? { mode: 0o600 } : {};
    return this.#request((done) => this.#sftp.open(path, flags, attributes, done), isHandle);
  }

  openFolder(path: string): Promise<Buffer> {
    return this.#request((done) => this.#sftp.opendir(path, done), isHandle);
  }

  /** The next entries of a folder, undefined behind the last. */
  async readFolder(handle: Buffer): Promise<FileEntryWithStats[] | undefined> {
    try {
      return await this.#request((done) => this.#sftp.readdir(handle, done), isEntryList);
    } catch (error) {
      if (error instanceof SftpStatusError && error.status === sftpStatus.endOfFile) return undefined;
      throw error;
    }
  }

  closeHandle(handle: Buffer): Promise<void> {
    return this.#request((done) => this.#sftp.close(handle, done), isNothing);
  }

  /** Reads into `target`, at most {@link requestBytes}. @returns bytes read, 0 at the end of the file */
  read(handle: Buffer, target: Buffer, offset: number): Promise<number> {
    const isCount = (value: unknown): value is number =>
      typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= target.length;
    const send = (done: Answer) => this.#sftp.read(handle, target, 0, target.length, offset, done);
    return this.#data.run(() => this.#request(send, isCount));
  }

  /** Writes all of `bytes`, at most {@link requestBytes}. */
  write(handle: Buffer, bytes: Buffer, offset: number): Promise<void> {
    const { socket } = this.#dialled;
    const send = (done: Answer) => {
      // A request is many packets of three pieces each: one call of the system for all of them.
      socket.cork();
      this.#sftp.write(handle, bytes, 0, bytes.length, offset, (error?: Error | null) => done(error));
      process.nextTick(() => socket.uncork());
    };
    return this.#data.run(() => this.#request(send, isNothing));
  }

  stat(path: string): Promise<Stats> {
    return this.#request((done) => this.#sftp.stat(path, done), isStats);
  }

  handleStat(handle: Buffer): Promise<Stats> {
    return this.#request((done) => this.#sftp.fstat(handle, done), isStats);
  }

  unlink(path: string): Promise<void> {
    return this.#request((done) => this.#sftp.unlink(path, done), isNothing);
  }

  makeFolder(path: string, mode: number): Promise<void> {
    return this.#request((done) => this.#sftp.mkdir(path, { mode }, done), isNothing);
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.#request((done) => this.#sftp.chmod(path, mode, done), isNothing);
  }

  handleChmod(handle: Buffer, mode: number): Promise<void> {
    return this.#request((done) => this.#sftp.fchmod(handle, mode, done), isNothing);
  }

  /** Standard SFTP: servers differ in whether an existing target is an error. */
  rename(from: string, to: string): Promise<void> {
    return this.#request((done) => this.#sftp.rename(from, to, done), isNothing);
  }

  /** Replaces an existing target. Status `unsupported` where the server does not offer it. */
  replace(from: string, to: string): Promise<void> {
    return this.#request((done) => this.#sftp.ext_openssh_rename(from, to, done), isNothing);
  }

  /** Status `unsupported` where the server does not offer it. */
  sync(handle: Buffer): Promise<void> {
    return this.#request((done) => this.#sftp.ext_openssh_fsync(handle, done), isNothing);
  }

  /** Undefined where the server cannot say. */
  async fileSystem(path: string): Promise<SftpFileSystem | undefined> {
    try {
      const isAnything = (value: unknown): value is unknown => value !== undefined;
      return parseFileSystem(await this.#request((done) => this.#sftp.ext_openssh_statvfs(path, done), isAnything));
    } catch (error) {
      if (error instanceof SftpStatusError) return undefined;
      throw error;
    }
  }

  #request<T>(send: (done: Answer) => void, isAnswer: (value: unknown) => value is T): Promise<T> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise<T>((resolve, reject) => {
      const pending: Pending = { reject, sentAt: performance.now() };
      const done: Answer = (error, value) => {
        if (!this.#settle(pending)) return;
        if (error) reject(requestError(error, this.#where));
        else if (isAnswer(value)) resolve(value);
        else this.#end('the server gave an answer of the wrong kind', reject);
      };
      this.#wake();
      this.#pending.add(pending);
      try {
        send(done);
      } catch (error) {
        // The library throws at once for what the server does not offer.
        if (this.#settle(pending)) reject(requestError(error, this.#where));
      }
    });
  }

  #settle(pending: Pending): boolean {
    if (!this.#pending.delete(pending)) return false;
    this.#lastAnswerAt = performance.now();
    if (this.#pending.size === 0 && this.#failure === undefined) this.#rest();
    return true;
  }

  /** Somebody waits: watch for a stall. */
  #wake(): void {
    if (this.#pending.size > 0) return;
    clearInterval(this.#watch);
    this.#dialled.socket.ref();
    this.#watch = setInterval(() => this.#checkProgress(), this.#patience.stallMs / 4);
  }

  /** Nobody waits: neither keep the process alive nor the server's session for long. */
  #rest(): void {
    clearInterval(this.#watch);
    this.#dialled.socket.unref();
    this.#watch = setTimeout(() => this.close(), this.#patience.idleMs).unref();
  }

  #checkProgress(): void {
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    const now = performance.now();
    const { stallMs } = this.#patience;
    const isSilent = now - Math.max(oldest.sentAt, this.#lastAnswerAt) > stallMs;
    if (isSilent || now - oldest.sentAt > longestWaitFactor * stallMs) this.#end(`no answer for ${stallMs} ms`);
  }

  #end(reason: string, reject?: (error: Error) => void): void {
    const failure = (this.#failure ??= new AppError('storageFailed', `${this.#where}: ${reason}`));
    clearInterval(this.#watch);
    reject?.(failure);
    const waiting = Array.from(this.#pending);
    this.#pending.clear();
    for (const pending of waiting) pending.reject(failure);
    this.#dialled.socket.destroySoon();
    // What has not left by now never will when the other side is dead.
    setTimeout(() => this.#dialled.socket.destroy(), 1000).unref();
  }
}

function requestError(error: unknown, where: string): Error {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number')
    return new SftpStatusError(error.code, error.message);
  const message = messageOf(error);
  if (/does not support this extended request/u.test(message))
    return new SftpStatusError(sftpStatus.unsupported, message);
  return new AppError('storageFailed', `${where}: ${message}`, { cause: error });
}

function isHandle(value: unknown): value is Buffer {
  return Buffer.isBuffer(value) && value.length > 0 && value.length <= largestHandle;
}

/** Acknowledgements carry nothing; the library hands over undefined or null. */
function isNothing(value: unknown): value is void {
  return value === undefined || value === null;
}

function isStats(value: unknown): value is Stats {
  return typeof value === 'object' && value !== null && 'isFile' in value;
}

function isEntryList(value: unknown): value is FileEntryWithStats[] {
  return Array.isArray(value);
}
