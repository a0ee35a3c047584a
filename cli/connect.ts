import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { type EngineContract, engineContract } from '../shared/contract/engine/all.ts';
import { AppError } from '../shared/errors.ts';
import { fingerprintOf } from '../shared/node/tls.ts';
import { webSocketChannel } from '../shared/node/websocket-channel.ts';
import { maxMessageBytes } from '../shared/rpc/channel.ts';
import { Peer } from '../shared/rpc/peer.ts';

export type EnginePeer = Peer<EngineContract>;

export interface Target {
  url: string;
  token?: string | undefined;
  fingerprint?: string | undefined;
}

const openMs = 10_000;

/** Opens a connection to an engine. @throws AppError engineUnreachable, certificateMismatch, invalidValue */
export async function connect(target: Target): Promise<EnginePeer> {
  const url = new URL('/rpc', target.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new AppError('invalidValue', `--url: ${target.url} must begin with http:// or https://`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url, {
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handshakeTimeout: openMs,
    // Pinned by fingerprint instead, below; without one only a certificate the system trusts is good.
    rejectUnauthorized: target.fingerprint === undefined,
    ...(target.token === undefined ? {} : { headers: { authorization: `Bearer ${target.token}` } }),
  });
  await opened(socket, target);
  return new Peer(webSocketChannel(socket), engineContract, (method) =>
    Promise.reject(new AppError('unknownMethod', `the command line answers no calls (${method})`)),
  );
}

function opened(socket: WebSocket, target: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('upgrade', (response) => {
      if (target.fingerprint === undefined) return;
      const { raw } = (response.socket as TLSSocket).getPeerCertificate() as { raw?: Buffer };
      if (raw !== undefined && fingerprintOf(raw) === target.fingerprint) return;
      socket.terminate();
      reject(
        new AppError(
          'certificateMismatch',
          `the engine at ${target.url} presents another certificate than the pinned one`,
        ),
      );
    });
    socket.once('open', () => resolve());
    socket.once('error', (error: Error) =>
      reject(
        new AppError('engineUnreachable', `the engine at ${target.url} cannot be reached: ${error.message}`, {
          hint: /certificate/u.test(error.message)
            ? 'Give the fingerprint that serve printed: --fingerprint SHA256:…'
            : undefined,
          cause: error,
        }),
      ),
    );
  });
}
