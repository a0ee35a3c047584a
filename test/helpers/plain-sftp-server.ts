import { once } from 'node:events';
import { createServer } from 'node:net';
import ssh2, { type Attributes, type ServerChannel, type SFTPWrapper } from 'ssh2';
import { onTestFinished } from 'vitest';
import type { SftpOptions } from '../../agent/repository/storage/sftp.ts';
import { hostKeyFingerprint } from '../../shared/node/ssh-host-key.ts';

const status = ssh2.utils.sftp.STATUS_CODE;
const mode = ssh2.utils.sftp.OPEN_MODE;
const fileMode = 0o100600;
const folderMode = 0o040700;
/** Answers of READ and lists of READDIR are shorter than what the client asks for. */
const mostBytes = 30_000;
const mostNames = 7;

type Handle = { path: string; listed: number };

/**
 * An SFTP server in this process that offers version 3 and nothing more: no extensions, no replacing rename, short reads,
 * files in memory. It takes the password `secret` by keyboard-interactive only.
 */
export class PlainSftpServer {
  readonly files = new Map<string, Buffer>();
  readonly folders = new Set<string>(['.']);
  /** What STAT and READDIR say instead of the size. */
  wrongSize: number | undefined;
  /** Speaks on the channel in place of the SFTP server. */
  speak: ((channel: ServerChannel) => void) | undefined;
  #port = 0;
  #hostKey = '';

  static async start(): Promise<PlainSftpServer> {
    const plain = new PlainSftpServer();
    const keys = makeHostKey();
    plain.#hostKey = hostKeyFingerprint(keys.blob);
    const clients = new Set<ssh2.Connection>();
    const server = new ssh2.Server({ hostKeys: [keys.private] }, (client) => {
      clients.add(client);
      // Clients of these tests leave without a word.
      client.on('error', () => undefined).on('close', () => clients.delete(client));
      client.on('authentication', (context) => {
        if (context.method !== 'keyboard-interactive') context.reject(['keyboard-interactive']);
        else {
          context.prompt([{ prompt: 'Password: ', echo: false }], (answers) =>
            answers[0] === 'secret' ? context.accept() : context.reject(),
          );
        }
      });
      client.on('session', (accept) => {
        const session = accept();
        const { speak } = plain;
        if (speak === undefined) session.on('sftp', (acceptSftp) => plain.#serve(acceptSftp()));
        else session.on('subsystem', (acceptChannel) => speak(acceptChannel()));
      });
    });
    // The library's own listener waits for more to send with every answer.
    const listener = createServer({ noDelay: true }, (socket) => server.injectSocket(socket)).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    plain.#port = address.port;
    onTestFinished(() => {
      for (const client of clients) client.end();
      listener.close();
    });
    return plain;
  }

  options(): SftpOptions {
    return { host: '127.0.0.1', port: this.#port, user: 'u', path: 'r', password: 'secret', hostKey: this.#hostKey };
  }

  #attributes(path: string): Attributes | undefined {
    const bytes = this.files.get(path);
    const rest = { uid: 0, gid: 0, atime: 0, mtime: 0 };
    if (bytes !== undefined) return { ...rest, mode: fileMode, size: this.wrongSize ?? bytes.length };
    return this.folders.has(path) ? { ...rest, mode: folderMode, size: 0 } : undefined;
  }

  #serve(sftp: SFTPWrapper): void {
    const handles = new Map<string, Handle>();
    const handleOf = (bytes: Buffer) => handles.get(bytes.toString()) ?? { path: '', listed: 0 };
    const answer = (id: number, isDone: boolean, otherwise = status.FAILURE) =>
      sftp.status(id, isDone ? status.OK : otherwise);
    const give = (id: number, path: string) => {
      const name = String(id);
      handles.set(name, { path, listed: 0 });
      sftp.handle(id, Buffer.from(name));
    };
    const stat = (id: number, path: string) => {
      const attributes = this.#attributes(path);
      if (attributes === undefined) sftp.status(id, status.NO_SUCH_FILE);
      else sftp.attrs(id, attributes);
    };
    sftp.on('OPEN', (id, path, flags) => {
      const isNew = (flags & mode.EXCL) > 0;
      if (isNew && this.files.has(path)) sftp.status(id, status.FAILURE);
      else if (isNew && !this.folders.has(parentOf(path))) sftp.status(id, status.NO_SUCH_FILE);
      else if (!isNew && !this.files.has(path)) sftp.status(id, status.NO_SUCH_FILE);
      else {
        if (isNew) this.files.set(path, Buffer.alloc(0));
        give(id, path);
      }
    });
    sftp.on('WRITE', (id, handle, offset, data) => {
      const { path } = handleOf(handle);
      const old = this.files.get(path) ?? Buffer.alloc(0);
      const bytes = Buffer.alloc(Math.max(old.length, offset + data.length));
      old.copy(bytes);
      data.copy(bytes, offset);
      this.files.set(path, bytes);
      sftp.status(id, status.OK);
    });
    sftp.on('READ', (id, handle, offset, length) => {
      const bytes = this.files.get(handleOf(handle).path) ?? Buffer.alloc(0);
      if (offset >= bytes.length) sftp.status(id, status.EOF);
      else sftp.data(id, bytes.subarray(offset, offset + Math.min(length, mostBytes)));
    });
    sftp.on('CLOSE', (id, handle) => answer(id, handles.delete(handle.toString())));
    sftp.on('FSTAT', (id, handle) => stat(id, handleOf(handle).path));
    sftp.on('STAT', stat);
    sftp.on('FSETSTAT', (id) => sftp.status(id, status.OP_UNSUPPORTED));
    sftp.on('SETSTAT', (id) => sftp.status(id, status.PERMISSION_DENIED));
    sftp.on('REMOVE', (id, path) => answer(id, this.files.delete(path), status.NO_SUCH_FILE));
    sftp.on('MKDIR', (id, path) => {
      const hasParent = this.folders.has(parentOf(path));
      const isNew = hasParent && !this.folders.has(path);
      if (isNew) this.folders.add(path);
      answer(id, isNew, hasParent ? status.FAILURE : status.NO_SUCH_FILE);
    });
    sftp.on('RENAME', (id, from, to) => {
      const bytes = this.files.get(from);
      const isPossible = bytes !== undefined && !this.files.has(to);
      if (isPossible) {
        this.files.set(to, bytes);
        this.files.delete(from);
      }
      answer(id, isPossible);
    });
    sftp.on('OPENDIR', (id, path) => {
      if (this.folders.has(path)) give(id, path);
      else sftp.status(id, status.NO_SUCH_FILE);
    });
    sftp.on('READDIR', (id, bytes) => {
      const handle = handleOf(bytes);
      const inside = Array.from(this.folders).concat(Array.from(this.files.keys()));
      const paths = inside.filter((path) => path !== '.' && parentOf(path) === handle.path);
      const names = paths.slice(handle.listed, (handle.listed += mostNames)).map((path) => {
        const filename = path.slice(path.lastIndexOf('/') + 1);
        return { filename, longname: filename, attrs: this.#attributes(path) ?? emptyAttributes };
      });
      if (names.length === 0) sftp.status(id, status.EOF);
      else sftp.name(id, names);
    });
  }
}

/** The library drops a zero byte of a key, so that one in some 256 is none (seen 10 times in 2000); those are made anew. */
function makeHostKey(): { private: string; blob: Buffer } {
  for (;;) {
    const keys = ssh2.utils.generateKeyPairSync('ed25519');
    const publicKey = ssh2.utils.parseKey(keys.public);
    if (!(publicKey instanceof Error)) return { private: keys.private, blob: publicKey.getPublicSSH() };
  }
}

const emptyAttributes: Attributes = { mode: 0, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 };

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, slash);
}

/** One SFTP packet: its length, kind and payload. */
export function packet(kind: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + 1);
  head[4] = kind;
  return Buffer.concat([head, payload]);
}
