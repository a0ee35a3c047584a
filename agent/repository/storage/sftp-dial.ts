import type { Socket } from 'node:net';
import type { Client, SFTPWrapper } from 'ssh2';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { prepareCipherKeys } from './sftp-cipher-keys.ts';
import { dialSsh, fetchHostKey, SshDialError, type SshLine, type SshLogin } from '../../../shared/node/ssh-dial.ts';

/** Whom to dial and how to show who we are. */
export interface SftpLogin extends Omit<SshLogin, 'timeoutMs' | 'keepaliveMs'> {
  /** How long dialling may take until the SFTP session stands, in ms. */
  dialTimeoutMs: number;
}

/** An open SFTP session. Errors of the client and the session reach nobody yet: listen before the next tick. */
export interface DialledSftp {
  client: Client;
  socket: Socket;
  sftp: SFTPWrapper;
}

/**
 * Dials, compares the host key with the pinned one and opens an SFTP session.
 * @param signal gives up with storageFailed
 * @throws AppError storageDenied (host key, login, no SFTP on the server), storageFailed (not reached, cut, too slow)
 */
export async function dialSftp(login: SftpLogin, signal: AbortSignal): Promise<DialledSftp> {
  const { dialTimeoutMs: timeoutMs, ...rest } = login;
  const where = `sftp://${login.user}@${login.host}:${login.port}`;
  const startedAt = Date.now();
  let line: SshLine;
  try {
    line = await dialSsh({ ...rest, timeoutMs }, signal);
  } catch (error) {
    throw dialError(where, error);
  }
  const prepare = () => void prepareCipherKeys(line.client);
  prepare();
  // Both sides change keys now and then.
  line.client.on('handshake', prepare);
  try {
    return await openSftp(line, where, signal, timeoutMs - (Date.now() - startedAt));
  } catch (error) {
    line.client.on('error', () => undefined);
    line.client.destroy();
    line.socket.destroy();
    throw error;
  }
}

/**
 * The fingerprint of the host key that a server offers, for a person to compare. Nothing is sent that needs a login.
 * @throws AppError storageFailed when the server is not reached
 */
export async function fetchFingerprint(host: string, port: number, timeoutMs?: number): Promise<string> {
  try {
    return await fetchHostKey(host, port, timeoutMs);
  } catch (error) {
    throw dialError(`${host}:${port}`, error);
  }
}

async function openSftp(line: SshLine, where: string, signal: AbortSignal, timeoutMs: number): Promise<DialledSftp> {
  const { client } = line;
  const failed = (message: string) => new AppError('storageFailed', `${where}${message}`);
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => undefined as void;
  try {
    return await new Promise<DialledSftp>((resolve, reject) => {
      onAbort = () => reject(failed(': the storage was closed'));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      timer = setTimeout(() => reject(failed(' opened no SFTP session in time')), Math.max(1, timeoutMs));
      client.on('error', (error) => reject(failed(`: ${messageOf(error)}`)));
      client.on('close', () => reject(failed(' closed the connection')));
      client.sftp((error, sftp) => {
        if (error === undefined) resolve({ ...line, sftp });
        else reject(noSftp(where, error));
      });
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
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

const hints = {
  hostKey: 'Nothing was sent. If the server was set up anew, compare the fingerprint there and pin it in the pool.',
  login: 'The server refuses this user with this key or password.',
  privateKey: 'Give a private key in OpenSSH or PEM form, without a passphrase.',
  algorithms: 'Client and server share no cipher, key exchange or host key kind.',
} as const;

/** The part of the pool's address or secrets that a fault is about. */
const fields = { hostKey: 'hostKey', login: 'credential', privateKey: 'credential', algorithms: undefined } as const;

function dialError(where: string, error: unknown): AppError {
  if (!(error instanceof SshDialError)) throw error;
  const { fault, message, cause } = error;
  if (fault === 'unreachable') return new AppError('storageFailed', `${where}: ${message}`, { cause });
  const text = fault === 'hostKey' ? message : `${where}: ${message}`;
  return new AppError('storageDenied', text, { field: fields[fault], cause, hint: hints[fault] });
}
