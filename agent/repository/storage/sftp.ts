import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { AppError, hasCode } from '../../../shared/errors.ts';
import { SftpConnection } from './sftp-connection.ts';
import { SftpConnections } from './sftp-connections.ts';
import { dialSftp, fetchFingerprint, type SftpLogin } from './sftp-dial.ts';
import { SftpStatusError, storageError, writeError } from './sftp-errors.ts';
import { closeQuietly, folderEntries, inOrder, makeFolders, sizeOf } from './sftp-folders.ts';
import { parseFingerprint } from '../../../shared/node/ssh-host-key.ts';
import { readRange } from './sftp-transfer.ts';
import { publishFile, removeFile, syncFolder, unlessStatus, uploadFile } from './sftp-upload.ts';
import {
  type ByteRange,
  checkFileName,
  type FileType,
  folderOfType,
  fileTypes,
  isFileName,
  type Storage,
  type StoredFile,
} from './storage.ts';

const storedMode = 0o400;
/** Nothing of a repository is longer; a server that says otherwise must not make us allocate it. */
const largestFile = 2 ** 30;
const connectionCount = 2;
const idleMs = 60_000;
/** Folders of packs that are listed at the same time: what takes long is the way to the server. */
const foldersAhead = 8;
/** Names of temporary files that a lost connection left behind are remembered up to this number. */
const mostOrphans = 64;

export interface SftpOptions {
  host: string;
  /** Default 22. */
  port?: number;
  user: string;
  /** Absolute with a leading slash, otherwise relative to the folder that the login starts in. */
  path: string;
  /** OpenSSH or PEM text without a passphrase; a login needs this or a password. */
  privateKey?: string;
  password?: string;
  /** The pinned fingerprint, `SHA256:…`. */
  hostKey: string;
  /** No answer for so many ms is a failure. Default 60 000. */
  stallMs?: number;
  /** Default 30 000. */
  dialTimeoutMs?: number;
}

/**
 * A repository on an SFTP server, laid out as restic's sftp backend does. Files appear by renaming; a lost connection is
 * dialled again by the next call.
 */
export class SftpStorage implements Storage {
  readonly location: string;
  readonly connections = 5;
  /** Two connections are kept busy by three packs; the others wait for the server's disk and need no memory. */
  readonly sending = 3;
  readonly #root: string;
  readonly #connections: SftpConnections;
  /** Temporary files that could not be removed because the connection was gone. */
  readonly #orphans = new Set<string>();
  #canSyncFolders = true;

  /** Opens no connection. @throws AppError invalidValue (host key, path) */
  constructor(options: SftpOptions) {
    const { user, port = 22, dialTimeoutMs = 30_000, stallMs = 60_000 } = options;
    const host = bareHost(options.host);
    if (options.path.includes('\0')) throw new AppError('invalidValue', 'the path holds a zero byte');
    this.#root = posix.normalize(options.path === '' ? '.' : options.path);
    const at = `${host.includes(':') ? `[${host}]` : host}${port === 22 ? '' : `:${port}`}`;
    this.location = `sftp://${user}@${at}/${options.path}`;
    const login: SftpLogin = {
      ...{ host, port, user, dialTimeoutMs, hostKey: parseFingerprint(options.hostKey) },
      ...(options.privateKey === undefined ? {} : { privateKey: options.privateKey }),
      ...(options.password === undefined ? {} : { password: options.password }),
    };
    const dial = async (signal: AbortSignal) =>
      new SftpConnection(await dialSftp(login, signal), this.location, { stallMs, idleMs });
    this.#connections = new SftpConnections(dial, connectionCount);
  }

  /**
   * The host key fingerprint that the server offers, before any login: for a person to compare.
   * @throws AppError storageFailed when the server is not reached
   */
  static fingerprintOf(host: string, port = 22): Promise<string> {
    return fetchFingerprint(bareHost(host), port);
  }

  async isEmpty(): Promise<boolean> {
    const own = new Set([...Object.values(folderOfType), 'lost+found']);
    for await (const { filename } of this.#entries('.')) if (!own.has(filename)) return false;
    for (const type of fileTypes) for await (const _file of this.list(type)) return false;
    return true;
  }

  async prepare(): Promise<void> {
    const present = new Set<string>();
    for await (const { filename } of this.#entries(folderOfType.data)) present.add(filename);
    const make = async (connection: SftpConnection) => {
      for (const folder of Object.values(folderOfType)) await makeFolders(connection, this.#remote(folder));
      const names = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
      const missing = names.filter((name) => !present.has(name));
      await Promise.all(
        missing.map((name) => makeFolders(connection, this.#remote(posix.join(folderOfType.data, name)))),
      );
      await this.#syncFolder(connection, this.#remote(folderOfType.data));
      await this.#syncFolder(connection, this.#root);
    };
    await this.#connections.run((connection) => this.#change(connection, '.', () => make(connection)));
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
    return this.#writeFile('config', [bytes]);
  }

  async *list(type: FileType): AsyncIterable<StoredFile> {
    if (type !== 'data') {
      yield* this.#listFolder(folderOfType[type]);
      return;
    }
    const names: string[] = [];
    for await (const { filename } of this.#entries(folderOfType.data))
      if (/^[0-9a-f]{2}$/u.test(filename)) names.push(filename);
    const listings = names.map((name) => () => this.#listFolder(posix.join(folderOfType.data, name)));
    yield* inOrder(listings, foldersAhead);
  }

  async size(type: FileType, name: string): Promise<number> {
    const path = pathOf(type, name);
    return this.#guard(path, async (connection) => sizeOf(path, await connection.stat(this.#remote(path))));
  }

  read(type: FileType, name: string, range?: ByteRange): Promise<Buffer> {
    return this.#readFile(pathOf(type, name), range);
  }

  write(type: FileType, name: string, parts: readonly Uint8Array[], onSent?: () => void): Promise<void> {
    return this.#writeFile(pathOf(type, name), parts, onSent);
  }

  async remove(type: FileType, name: string): Promise<void> {
    const path = pathOf(type, name);
    await this.#connections.run((connection) =>
      this.#change(connection, path, () => removeFile(connection, this.#remote(path))),
    );
  }

  /** Ends the connections; what is under way fails. A later call dials again. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  #remote(path: string): string {
    return posix.join(this.#root, path);
  }

  #shown(path: string): string {
    return path === '.' ? this.location : `${this.location}/${path}`;
  }

  /** Every entry of a folder; the connection is held until the last or until the caller stops. */
  async *#entries(path: string): ReturnType<typeof folderEntries> {
    const { connection, release } = await this.#connections.take();
    try {
      yield* folderEntries(connection, this.#remote(path));
    } catch (error) {
      throw storageError(this.#shown(path), error);
    } finally {
      release();
    }
  }

  async *#listFolder(path: string): AsyncGenerator<StoredFile> {
    for await (const { filename, attrs } of this.#entries(path))
      if (attrs.isFile() && isFileName(filename))
        yield { name: filename, sizeBytes: sizeOf(this.#shown(posix.join(path, filename)), attrs) };
  }

  /** Runs something that only reads. */
  async #guard<T>(path: string, work: (connection: SftpConnection) => Promise<T>): Promise<T> {
    try {
      return await this.#connections.run(work);
    } catch (error) {
      throw storageError(this.#shown(path), error);
    }
  }

  /** Runs something that changes the server; the file system there is asked why it failed. */
  async #change(
    connection: SftpConnection,
    path: string,
    work: () => Promise<void>,
    missingBytes: () => number = () => 1,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      const isStatus = error instanceof SftpStatusError;
      const fileSystem = isStatus ? await connection.fileSystem(this.#root) : undefined;
      throw writeError(this.#shown(path), error, fileSystem, missingBytes());
    }
  }

  #readFile(path: string, range?: ByteRange): Promise<Buffer> {
    return this.#guard(path, async (connection) => {
      const handle = await connection.open(this.#remote(path), 'r');
      try {
        const wanted = range ?? { offset: 0, length: await this.#wholeSize(connection, handle, path) };
        return await readRange(connection, handle, this.#shown(path), wanted);
      } finally {
        closeQuietly(connection, handle);
      }
    });
  }

  async #wholeSize(connection: SftpConnection, handle: Buffer, path: string): Promise<number> {
    const size = sizeOf(this.#shown(path), await connection.handleStat(handle));
    if (size > largestFile) throw new AppError('repositoryDamaged', `${this.#shown(path)} has ${size} bytes`);
    return size;
  }

  #writeFile(path: string, parts: readonly Uint8Array[], onSent = () => undefined as void): Promise<void> {
    const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
    const target = this.#remote(path);
    const temporary = `${target}-restic-temp-${randomBytes(16).toString('hex')}`;
    let missing = sizeBytes;
    const onWritten = (bytes: number) => void (missing -= bytes);
    return this.#connections.run(async (connection) => {
      const write = async () => {
        await uploadFile(connection, temporary, parts, { onWritten, onSent });
        await publishFile(connection, temporary, target, sizeBytes);
      };
      try {
        await this.#change(connection, path, write, () => Math.max(1, missing));
      } catch (error) {
        this.#orphans.add(temporary);
        await this.#removeOrphans(connection);
        throw error;
      }
      // The mode only guards against accidents, and file systems without modes refuse it.
      const sealed = unlessStatus(connection.chmod(target, storedMode));
      await Promise.all([sealed, this.#syncFolder(connection, posix.dirname(target))]);
      await this.#removeOrphans(connection);
    });
  }

  async #syncFolder(connection: SftpConnection, path: string): Promise<void> {
    if (this.#canSyncFolders) this.#canSyncFolders = await unlessStatus(syncFolder(connection, path));
  }

  /** Removes the temporary files of failed writes; while the connection is gone they wait for the next write. */
  async #removeOrphans(connection: SftpConnection): Promise<void> {
    for (const path of this.#orphans) {
      if (!connection.isAlive) break;
      this.#orphans.delete(path);
      await unlessStatus(connection.unlink(path)).catch(() => this.#orphans.add(path));
    }
    for (const path of this.#orphans) if (this.#orphans.size > mostOrphans) this.#orphans.delete(path);
  }
}

/** Where a file stands inside the repository. @throws AppError invalidValue */
function pathOf(type: FileType, name: string): string {
  checkFileName(name);
  return type === 'data' ? posix.join(folderOfType.data, name.slice(0, 2), name) : posix.join(folderOfType[type], name);
}

/** An address of IPv6 stands in brackets in a URL and without them everywhere else. */
function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/u, '$1');
}
