import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { fingerprintOf } from '../../../shared/node/tls.ts';

const dialTimeoutMs = 15_000;
/** How Node names what OpenSSL finds wrong with a certificate. */
const certificateCodes =
  /^(?:ERR_TLS_CERT_ALTNAME_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_(?:CA|PURPOSE)|HOSTNAME_MISMATCH|ERROR_IN_CERT_|PATH_LENGTH_)/u;

/** Whether the connection ended because the server's certificate is not to be trusted. */
export function isCertificateError(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && certificateCodes.test(error.code)
  );
}

/** @param what for the message */
export async function certificateRefused(
  server: { host: string; port: number },
  what: string,
  error: unknown,
): Promise<AppError> {
  const fingerprint = await offeredFingerprint(server.host, server.port);
  const offered = fingerprint === undefined ? '' : `; the server offers ${fingerprint}`;
  return new AppError(
    'storageDenied',
    `${what}: the server's certificate is not trusted: ${messageOf(error)}${offered}`,
    {
      field: 'caCertificate',
      cause: error,
      hint: 'Give the certificate of the authority that signed it (or the self-signed certificate) to the pool, and the host name that it is made out for.',
    },
  );
}

/**
 * The fingerprint of the certificate that the server offers now, over a connection of its own that sends nothing: the one
 * that was refused is gone. Undefined when it cannot be had.
 */
function offeredFingerprint(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    // Nothing is sent to whom we do not trust; the certificate is only looked at.
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const timer = setTimeout(() => done(undefined), dialTimeoutMs);
    const done = (fingerprint: string | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(fingerprint);
    };
    socket.on('error', () => done(undefined));
    socket.once('close', () => done(undefined));
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      done(certificate === undefined ? undefined : fingerprintOf(certificate.raw));
    });
  });
}
