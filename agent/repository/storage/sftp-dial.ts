import { connect, type Socket } from 'node:net';
import ssh2, { type AuthenticationType, type Client, type ConnectConfig, type SFTPWrapper } from 'ssh2';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { type HostKeyAlgorithm, hostKeyFingerprint, hostKeyKind, otherHostKeys } from './sftp-host-key.ts';

/** Whom to dial and how to show who we are. */
export interface SftpLogin {
  host: string;
  port: number;
  user: string;
  /** PEM or OpenSSH text without a passphrase. Goes before the password when both are given. */
  privateKey?: string;
  password?: string;
  /** The pinned `SHA256:…` fingerprint; no other key is talked to. */
  hostKey: string;
  /** How long dialling may take until the SFTP session stands, in ms. */
  dialTimeoutMs: number;
}

/** An open SFTP session. Errors of the client and the session reach nobody yet: listen before the next tick. */
export interface DialledSftp {
  client: Client;
  socket: Socket;
  sftp: SFTPWrapper;
}

/** AES first: without compiled helpers ChaCha20 costs twice the processor time. */
const ciphers: NonNullable<NonNullable<ConnectConfig['algorithms']>['cipher']> = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
  'chacha20-poly1305@openssh.com',
];

/**
 * Dials, compares the host key with the pinned one and opens an SFTP session. A server has several keys and the pinned one
 * need not be the kind that we prefer, so the other kinds are asked for before the key counts as wrong.
 * @param signal gives up with storageFailed
 * @throws AppError storageDenied (host key, login, no SFTP on the server), storageFailed (not reached, cut, too slow)
 */
export async function dialSftp(login: SftpLogin, signal: AbortSignal): Promise<DialledSftp> {
  const offered: Buffer[] = [];
  let algorithms: HostKeyAlgorithm[] | undefined;
  for (;;) {
    try {
      return await dialOnce(login, signal, algorithms);
    } catch (error) {
      if (error instanceof OtherHostKey) offered.push(error.key);
      // A server that has none of the kinds left ends the handshake so.
      else if (offered[0] !== undefined && /no matching host key/iu.test(messageOf(error)))
        throw wrongHostKey(login, offered[0]);
      else throw error;
      algorithms = otherHostKeys(offered.map(hostKeyKind));
      if (algorithms.length === 0) throw wrongHostKey(login, offered[0] ?? error.key);
    }
  }
}

class OtherHostKey extends Error {
  readonly key: Buffer;
  constructor(key: Buffer) {
    super('not the pinned host key');
    this.key = key;
  }
}

/**
 * The fingerprint of the host key that a server offers, for a person to compare. Nothing is sent that needs a login.
 * @throws AppError storageFailed when the server is not reached
 */
export function fetchFingerprint(host: string, port: number, timeoutMs = 30_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const client = new ssh2.Client();
    const stop = () => {
      client.destroy();
      socket.destroy();
    };
    client.on('error', (error) => {
      reject(dialError(`${host}:${port}`, error));
      stop();
    });
    client.on('close', () => reject(new AppError('storageFailed', `${host}:${port} closed the connection`)));
    const hostVerifier = (key: Buffer) => {
      resolve(hostKeyFingerprint(key));
      return false;
    };
    client.connect({ sock: socket, username: 'fingerprint', readyTimeout: timeoutMs, hostVerifier });
  });
}

async function dialOnce(
  login: SftpLogin,
  signal: AbortSignal,
  serverHostKey: HostKeyAlgorithm[] | undefined,
): Promise<DialledSftp> {
  const where = `sftp://${login.user}@${login.host}:${login.port}`;
  const socket = connect({ host: login.host, port: login.port, noDelay: true, keepAlive: true });
  const client = new ssh2.Client();
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => undefined as void;
  try {
    return await new Promise<DialledSftp>((resolve, reject) => {
      onAbort = () => reject(new AppError('storageFailed', `${where}: the storage was closed`));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      timer = setTimeout(
        () => reject(new AppError('storageFailed', `${where} did not answer in ${login.dialTimeoutMs} ms`)),
        login.dialTimeoutMs,
      );
      client.on('error', reject);
      client.on('close', () => reject(new AppError('storageFailed', `${where} closed the connection`)));
      client.on('change password', () => reject(new AppError('storageDenied', `${where}: the password has expired`)));
      answerPrompts(client, login.password);
      client.on('ready', () => {
        client.sftp((error, sftp) => {
          if (error === undefined) resolve({ client, socket, sftp });
          else reject(noSftp(where, error));
        });
      });
      client.connect({
        ...credentials(login),
        sock: socket,
        readyTimeout: login.dialTimeoutMs,
        hostVerifier: (key: Buffer) => {
          const isPinned = hostKeyFingerprint(key) === login.hostKey;
          if (!isPinned) reject(new OtherHostKey(key));
          return isPinned;
        },
        algorithms: { cipher: ciphers, ...(serverHostKey === undefined ? {} : { serverHostKey }) },
      });
    });
  } catch (error) {
    // A late error of a connection that is given up already would be thrown if nobody listened.
    client.on('error', () => undefined);
    client.destroy();
    socket.destroy();
    throw error instanceof OtherHostKey ? error : dialError(where, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function credentials({ user, privateKey, password }: SftpLogin): ConnectConfig {
  const methods: AuthenticationType[] = [];
  if (privateKey !== undefined) methods.push('publickey');
  if (password !== undefined) methods.push('password', 'keyboard-interactive');
  return {
    username: user,
    authHandler: methods,
    tryKeyboard: password !== undefined,
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(password === undefined ? {} : { password }),
  };
}

/** Servers that ask for the password by PAM; a question whose answer would be shown is none for a password. */
function answerPrompts(client: Client, password = ''): void {
  client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) =>
    finish(prompts.map((prompt) => (prompt.echo === true ? '' : password))),
  );
}

function wrongHostKey(login: SftpLogin, offered: Buffer): AppError {
  const fingerprint = hostKeyFingerprint(offered);
  return new AppError(
    'storageDenied',
    `${login.host}:${login.port} has another host key: expected ${login.hostKey}, offered ${fingerprint}`,
    { hint: 'Nothing was sent. If the server was set up anew, compare the fingerprint there and pin it in the pool.' },
  );
}

function noSftp(where: string, error: unknown): AppError {
  const message = messageOf(error);
  // The server refuses the subsystem for good; every other failure at this point may be a cut.
  const isRefused = /unable to start subsystem|exit code/iu.test(message);
  return new AppError(isRefused ? 'storageDenied' : 'storageFailed', `${where} opens no SFTP session: ${message}`, {
    cause: error,
    ...(isRefused ? { hint: 'Allow this user the sftp subsystem on the server.' } : {}),
  });
}

function dialError(where: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = messageOf(error);
  const level = error instanceof Error && 'level' in error ? error.level : undefined;
  const denied = (hint: string) => new AppError('storageDenied', `${where}: ${message}`, { cause: error, hint });
  if (level === 'client-authentication' || /authentication/iu.test(message))
    return denied('The server refuses this user with this key or password.');
  if (/privateKey/u.test(message)) return denied('Give a private key in OpenSSH or PEM form, without a passphrase.');
  if (/no matching/iu.test(message)) return denied('Client and server share no cipher, key exchange or host key kind.');
  return new AppError('storageFailed', `${where}: ${message}`, { cause: error });
}
