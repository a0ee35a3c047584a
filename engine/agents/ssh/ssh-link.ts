import { randomBytes } from 'node:crypto';
import type { Hello } from '../../../shared/contract/manager/all.ts';
import { AppError, hasCode } from '../../../shared/errors.ts';
import { type SshAddress, sshLocation } from '../../../shared/model/ssh.ts';
import { streamChannel } from '../../../shared/node/stream-channel.ts';
import type { Channel } from '../../../shared/rpc/channel.ts';
import type { Secret } from '../../../shared/schema.ts';
import type { ClientRow } from '../../database/clients.ts';
import { type ConnectionDeps, type ServedPeer, serveAgent } from '../connection.ts';
import { beatPeer } from '../heartbeat.ts';
import type { AgentLink } from '../registry.ts';
import { type RemoteCommand, startRemote } from './remote-command.ts';
import { commandError } from './ssh-errors.ts';

/** Time for an agent to be started and to say hello, in ms; its own limit for the start is 15 s. */
const helloMs = 20_000;
/** Last bytes leave the line within this time after its end, in ms. */
const lingerMs = 3000;

/** An agent that was reached and greeted. */
export interface SshLink {
  readonly clientId: number;
  /** Resolves with the reason when the line is gone. */
  readonly ended: Promise<string>;
  close(reason: string): void;
}

/** Decides about a hello that answers this nonce. */
export type SshAdmission = (hello: Hello, nonce: string) => Promise<ClientRow>;

/**
 * Dials a host, runs the agent's command there, challenges the agent and serves it (DETAILS 13).
 * @throws AppError hostKeyMismatch, sshDenied, sshFailed, agentInUse, incompatible, what `admit` throws
 */
export async function openSshLink(
  deps: ConnectionDeps,
  address: SshAddress,
  privateKey: Secret,
  admit: SshAdmission,
  signal: AbortSignal,
): Promise<SshLink> {
  const remote = await startRemote(address, privateKey, signal);
  const channel = streamChannel(remote.stream);
  const ended = new Promise<string>((resolve) => channel.onClose(resolve));
  void ended.then(() => setTimeout(() => remote.destroy(), lingerMs).unref());
  const onAbort = () => channel.close('the dialling was given up');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const { peer, link } = await greeted(deps, channel, admit, commandFailure(address, remote, ended));
    beatPeer(peer, sshLocation(address), deps.log);
    return { clientId: link.clientId, ended, close: (reason) => channel.close(reason) };
  } catch (error) {
    channel.close('the agent was not greeted');
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function commandFailure(address: SshAddress, remote: RemoteCommand, ended: Promise<string>): Promise<never> {
  throw commandError(address, await remote.end(await ended));
}

/** Sends the challenge and waits for the hello that follows it. */
async function greeted(
  deps: ConnectionDeps,
  channel: Channel,
  admit: SshAdmission,
  failure: Promise<never>,
): Promise<{ peer: ServedPeer; link: AgentLink }> {
  // The line ends with an error of its own after every other one.
  failure.catch(() => undefined);
  const nonce = randomBytes(32).toString('base64');
  let peer: ServedPeer | undefined;
  const hello = new Promise<AgentLink>((resolve, reject) => {
    peer = serveAgent(deps, channel, {
      helloMs,
      onGreeted: resolve,
      admit: (given) =>
        admit(given, nonce).catch((error: unknown) => {
          reject(error as Error);
          throw error;
        }),
    });
  });
  hello.catch(() => undefined);
  if (peer === undefined) throw new AppError('internal', 'the agent is not served');
  try {
    await peer.call('link.challenge', { nonce }, { timeoutMs: helloMs });
  } catch (error) {
    if (hasCode(error, 'connectionLost')) return failure;
    if (hasCode(error, 'unknownMethod'))
      throw new AppError('incompatible', 'the agent is too old to be reached over SSH', { hint: 'Upgrade the agent.' });
    throw error;
  }
  return { peer, link: await Promise.race([hello, failure]) };
}
