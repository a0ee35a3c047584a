import { getCiphers } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import ssh2, { type AuthenticationType, type CipherAlgorithm, type Client, type ConnectConfig } from 'ssh2';
import { AppError, messageOf } from '../errors.ts';
import { type HostKeyAlgorithm, hostKeyFingerprint, hostKeyKind, otherHostKeys } from './ssh-host-key.ts';

/** Whom to dial and how to show who we are. */
export interface SshLogin {
  host: string;
  port: number;
  user: string;
  /** PEM or OpenSSH text without a passphrase. Goes before the password when both are given. */
  privateKey?: string;
  password?: string;
  /** The pinned `SHA256:…` fingerprint; no other key is talked to. */
  hostKey: string;
  /** How long it may take until the login is done, in ms. */
  timeoutMs: number;
  /** Asks the server so often, in ms, whether it lives; three silences end the line. Default: never. */
  keepaliveMs?: number;
}

/** A line that is logged in. Errors of the client reach nobody yet: listen before the next tick. */
export interface SshLine {
  client: Client;
  socket: Socket;
}

/** What went wrong: a key that is not the pinned one, the login, our own key, no common algorithm, the rest. */
export type SshFault = 'hostKey' | 'login' | 'privateKey' | 'algorithms' | 'unreachable';

/** Why there is no line; whoever dials makes its own AppError of it. */
export class SshDialError extends Error {
  readonly fault: SshFault;
  /** Fingerprint of the key that the server showed instead. */
  readonly offered: string | undefined;
  constructor(fault: SshFault, message: string, details: { offered?: string; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.fault = fault;
    this.offered = details.offered;
  }
}

/** AES first: without compiled helpers ChaCha20 costs twice the processor time. */
const aes: CipherAlgorithm[] = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
];
/** The engine in Electron has no ChaCha20, and naming what is not there is an error. */
const ciphers: CipherAlgorithm[] = getCiphers().includes('chacha20') ? [...aes, 'chacha20-poly1305@openssh.com'] : aes;

/**
 * Dials, compares the host key with the pinned one and logs in. A server has several keys and the pinned one need not be
 * the kind that we prefer, so the other kinds are asked for before the key counts as wrong.
 * @throws SshDialError
 */
export async function dialSsh(login: SshLogin, signal: AbortSignal): Promise<SshLine> {
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
      else throw dialError(error);
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
 * @throws SshDialError
 */
export function fetchHostKey(host: string, port: number, timeoutMs = 30_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const client = new ssh2.Client();
    const fail = (error: SshDialError) => {
      reject(error);
      client.destroy();
      socket.destroy();
    };
    client.on('error', (error) => fail(dialError(error)));
    client.on('close', () => fail(new SshDialError('unreachable', 'the server closed the connection')));
    const hostVerifier = (key: Buffer) => {
      resolve(hostKeyFingerprint(key));
      return false;
    };
    client.connect({ sock: socket, username: 'fingerprint', readyTimeout: timeoutMs, hostVerifier });
  });
}

/** @throws AppError invalidValue when the text is no private key, or one with a passphrase */
export function assertPrivateKey(text: string): void {
  const key = ssh2.utils.parseKey(text);
  const problem = key instanceof Error ? key.message : key.isPrivateKey() ? undefined : 'this is the public key';
  if (problem === undefined) return;
  throw new AppError('invalidValue', `not a usable private key: ${problem}`, {
    field: 'privateKey',
    hint: 'Give a private key in OpenSSH or PEM form, without a passphrase.',
  });
}

async function dialOnce(
  login: SshLogin,
  signal: AbortSignal,
  serverHostKey: HostKeyAlgorithm[] | undefined,
): Promise<SshLine> {
  const socket = connect({ host: login.host, port: login.port, noDelay: true, keepAlive: true });
  const client = new ssh2.Client();
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => undefined as void;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (message: string) => reject(new SshDialError('unreachable', message));
      onAbort = () => fail('the dialling was given up');
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      timer = setTimeout(() => fail(`no answer in ${login.timeoutMs} ms`), login.timeoutMs);
      client.on('error', reject);
      client.on('close', () => fail('the server closed the connection'));
      client.on('change password', () => reject(new SshDialError('login', 'the password has expired')));
      answerPrompts(client, login.password);
      client.on('ready', () => resolve());
      client.connect({
        ...credentials(login),
        sock: socket,
        readyTimeout: login.timeoutMs,
        ...(login.keepaliveMs === undefined ? {} : { keepaliveInterval: login.keepaliveMs, keepaliveCountMax: 3 }),
        hostVerifier: (key: Buffer) => {
          const isPinned = hostKeyFingerprint(key) === login.hostKey;
          if (!isPinned) reject(new OtherHostKey(key));
          return isPinned;
        },
        algorithms: { cipher: ciphers, ...(serverHostKey === undefined ? {} : { serverHostKey }) },
      });
    });
    return { client, socket };
  } catch (error) {
    // A late error of a connection that is given up already would be thrown if nobody listened.
    client.on('error', () => undefined);
    client.destroy();
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function credentials({ user, privateKey, password }: SshLogin): ConnectConfig {
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

function wrongHostKey(login: SshLogin, key: Buffer): SshDialError {
  const offered = hostKeyFingerprint(key);
  const message = `${login.host}:${login.port} has another host key: expected ${login.hostKey}, offered ${offered}`;
  return new SshDialError('hostKey', message, { offered });
}

function dialError(error: unknown): SshDialError {
  if (error instanceof SshDialError) return error;
  const message = messageOf(error);
  const level = error instanceof Error && 'level' in error ? error.level : undefined;
  const isLogin = level === 'client-authentication' || /authentication/iu.test(message);
  const fault = isLogin
    ? 'login'
    : /privateKey/u.test(message)
      ? 'privateKey'
      : /no matching/iu.test(message)
        ? 'algorithms'
        : 'unreachable';
  return new SshDialError(fault, message, { cause: error });
}
