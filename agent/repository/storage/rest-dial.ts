import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSecure, type TLSSocket } from 'node:tls';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { fingerprintOf, isFingerprint } from '../../../shared/node/tls.ts';
import type { RestAddress } from './rest-address.ts';

/** Which certificate a server must show. */
export interface RestTrust {
  /** `SHA256:…` over the certificate's DER: this one and no other, whatever name and dates it holds. */
  fingerprint?: string | undefined;
  /** PEM of the authority that signed it, beside those that the system trusts. */
  caCertificate?: string | undefined;
}

/** @throws AppError invalidValue; padding is taken off */
export function parseTrust({ fingerprint, caCertificate }: RestTrust): RestTrust {
  if (fingerprint === undefined) return { caCertificate };
  const pinned = fingerprint.trim().replace(/=+$/u, '');
  if (isFingerprint(pinned)) return { fingerprint: pinned, caCertificate };
  throw new AppError('invalidValue', `not the fingerprint of a certificate: ${JSON.stringify(fingerprint)}`, {
    field: 'fingerprint',
    hint: 'It looks like SHA256: and 43 characters; the server prints it when it starts.',
  });
}

/**
 * Connects, and over TLS checks the certificate before anything is sent: a password never reaches a stranger.
 * @throws AppError storageFailed, storageDenied (certificate, or no TLS at all)
 */
export async function dialRest(
  address: RestAddress,
  trust: RestTrust,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await open(address, trust, timeoutMs, signal);
  if (!address.isSecure) return socket;
  try {
    checkCertificate(address, trust, socket as TLSSocket);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * The fingerprint of the certificate that the server shows, before any login: for a person to compare.
 * @throws AppError storageFailed, storageDenied when it speaks no TLS, invalidValue for http
 */
export async function offeredFingerprint(address: RestAddress, timeoutMs: number): Promise<string> {
  if (!address.isSecure) throw new AppError('invalidValue', `${address.shown} has no certificate`, { field: 'url' });
  const socket = await open(address, {}, timeoutMs, new AbortController().signal);
  try {
    return offered(socket as TLSSocket);
  } finally {
    socket.destroy();
  }
}

function open(address: RestAddress, trust: RestTrust, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const { host, port } = address;
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };
  const socket = address.isSecure
    ? connectSecure({
        ...options,
        // The certificate is looked at below, where it can be shown to the user.
        rejectUnauthorized: false,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(trust.caCertificate === undefined ? {} : { ca: trust.caCertificate }),
      })
    : connectPlain(options);
  return new Promise((resolve, reject) => {
    const stop = (error: Error) => {
      finish();
      socket.on('error', () => undefined).destroy();
      reject(dialError(address, error));
    };
    const onEvent = () => {
      finish();
      resolve(socket);
    };
    const onClose = () => stop(new Error('the server hung up'));
    const onAbort = () => stop(new Error('the storage was closed'));
    const timer = setTimeout(() => stop(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    const ready = address.isSecure ? 'secureConnect' : 'connect';
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off(ready, onEvent).off('error', stop).off('close', onClose);
    };
    socket.on(ready, onEvent).on('error', stop).on('close', onClose);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}

function dialError(address: RestAddress, error: Error & { code?: string }): AppError {
  const message = `${address.shown} is not reached: ${messageOf(error)}`;
  // What answers there speaks something else than TLS: waiting does not cure that.
  if (error.code === 'EPROTO' || error.code?.startsWith('ERR_SSL_') === true) {
    return new AppError('storageDenied', message, { cause: error, hint: 'Check whether the server speaks https.' });
  }
  return new AppError('storageFailed', message, { cause: error });
}

function offered(socket: TLSSocket): string {
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
  return raw === undefined ? 'none' : fingerprintOf(raw);
}

function checkCertificate(address: RestAddress, trust: RestTrust, socket: TLSSocket): void {
  const fingerprint = offered(socket);
  if (trust.fingerprint !== undefined) {
    if (fingerprint === trust.fingerprint) return;
    throw new AppError(
      'storageDenied',
      `${address.shown} shows another certificate than the pinned one: it shows ${fingerprint}, pinned is ${trust.fingerprint}`,
      {
        field: 'fingerprint',
        hint: 'If the certificate was changed on purpose, give its new fingerprint; else somebody stands between.',
      },
    );
  }
  if (socket.authorized) return;
  throw new AppError(
    'storageDenied',
    `the certificate of ${address.shown} is not trusted (${messageOf(socket.authorizationError)}); its fingerprint is ${fingerprint}`,
    {
      field: 'fingerprint',
      hint: 'Compare the fingerprint with the one that the server prints, and pin it or give the CA certificate.',
    },
  );
}
