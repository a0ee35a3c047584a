import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { AppError } from '../../shared/errors.ts';
import { fingerprintOf } from '../../shared/node/tls.ts';
import { maxMessageBytes } from '../../shared/rpc/channel.ts';
import type { ManagerAddress } from '../agent-config.ts';
import type { AgentIdentity } from '../identity.ts';

const openMs = 10_000;

/**
 * Opens the connection to the manager with our certificate, and insists on its pinned one.
 * @throws AppError engineUnreachable, certificateMismatch
 */
export function dial(identity: AgentIdentity, manager: ManagerAddress): Promise<WebSocket> {
  const socket = new WebSocket(manager.url, {
    key: identity.tls.key,
    cert: identity.tls.cert,
    // The manager's certificate is self-signed and pinned below instead.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handshakeTimeout: openMs,
  });
  return new Promise((resolve, reject) => {
    socket.once('upgrade', (response) => {
      const { raw } = (response.socket as TLSSocket).getPeerCertificate() as { raw?: Buffer };
      if (raw !== undefined && fingerprintOf(raw) === manager.fingerprint) return;
      reject(
        new AppError(
          'certificateMismatch',
          `the manager at ${manager.url} presents another certificate than the pinned one`,
        ),
      );
      socket.terminate();
    });
    socket.once('open', () => resolve(socket));
    socket.once('error', (error: Error) =>
      reject(
        new AppError('engineUnreachable', `the manager at ${manager.url} cannot be reached: ${error.message}`, {
          cause: error,
        }),
      ),
    );
  });
}
