import type { WebSocket } from 'ws';
import type { AgentContract } from '../../shared/contract/agent/all.ts';
import { hasCode, messageOf } from '../../shared/errors.ts';
import type { Logger } from '../../shared/node/log.ts';
import type { Peer } from '../../shared/rpc/peer.ts';

/** Online = heartbeat within 15 s (DESIGN §5). */
const heartbeatMs = 5000;
const silenceMs = 15_000;

/** Ends a socket whose agent does not answer pings any more. */
export function beatWebSocket(socket: WebSocket, address: string, log: Logger): void {
  let heardAt = Date.now();
  const heard = () => {
    heardAt = Date.now();
  };
  socket.on('pong', heard);
  socket.on('message', heard);
  const timer = setInterval(() => {
    if (Date.now() - heardAt > silenceMs) {
      log.warn({ address }, 'agent is silent for 15 s, closing its link');
      socket.terminate();
    } else {
      socket.ping((error: Error | null | undefined) => {
        if (error) log.debug({ reason: messageOf(error) }, 'ping failed');
      });
    }
  }, heartbeatMs);
  socket.on('close', () => clearInterval(timer));
}

/** The same where only messages pass: an SSH server that answers says nothing about the agent behind it. */
export function beatPeer(peer: Peer<AgentContract>, address: string, log: Logger): void {
  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking) return;
    isAsking = true;
    peer
      .call('agent.ping', {}, { timeoutMs: silenceMs })
      .catch((error: unknown) => {
        // Any other error is an answer, or the end that closes us anyway.
        if (!hasCode(error, 'timeout')) return;
        log.warn({ address }, 'agent is silent for 15 s, closing its link');
        peer.close('silent for 15 s');
      })
      .finally(() => {
        isAsking = false;
      });
  }, heartbeatMs);
  peer.onClose(() => clearInterval(timer));
}
