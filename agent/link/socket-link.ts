import { sign } from 'node:crypto';
import type { Socket } from 'node:net';
import { challengePrefix, linkContract, type LinkContract } from '../../shared/contract/agent/link.ts';
import { managerContract, type ManagerContract } from '../../shared/contract/manager/all.ts';
import { AppError, messageOf, toWireError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/node/log.ts';
import { streamChannel } from '../../shared/node/stream-channel.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import type { FolderClaim } from '../alive-socket.ts';
import { dispatchAgentApi } from '../api/all.ts';
import type { AgentContext } from '../api/context.ts';
import { managerOf } from '../agent-config.ts';
import type { AgentIdentity } from '../identity.ts';
import type { Link } from './link.ts';
import type { Upstream } from './upstream.ts';

/** How long the engine we have must prove that it lives before another takes its place (DETAILS 9). */
const takeoverMs = 3000;
/** Connections that have not become the engine's yet. */
const maxStrangers = 16;
/** Time for a challenge and our hello. */
const greetingMs = 15_000;

interface Caller {
  peer: Peer<ManagerContract>;
  isChallenged: boolean;
  /** It may use us from our hello on: its first call may come with the answer. */
  isAdmitted: boolean;
}

/**
 * The agent's own socket, to which an engine comes over SSH (DESIGN §4). One engine at a time; an agent that dials a
 * manager refuses all of them.
 */
export class SocketLink implements Link {
  private readonly identity: AgentIdentity;
  private readonly claim: FolderClaim;
  private readonly upstream: Upstream;
  private readonly log: Logger;
  private readonly callers = new Set<Caller>();
  private readonly stopped: Promise<void>;
  stop: () => void = () => undefined;

  constructor(identity: AgentIdentity, claim: FolderClaim, upstream: Upstream, log: Logger) {
    this.identity = identity;
    this.claim = claim;
    this.upstream = upstream;
    this.log = log;
    this.stopped = new Promise((resolve) => {
      this.stop = () => {
        for (const { peer } of this.callers) peer.close('the agent stops');
        resolve();
      };
    });
  }

  async run(context: AgentContext): Promise<void> {
    this.claim.serve((socket) => this.take(socket, context));
    await this.stopped;
  }

  private take(socket: Socket, context: AgentContext): void {
    if (this.callers.size >= maxStrangers) {
      socket.destroy();
      return;
    }
    const challenged = createDispatcher<LinkContract, null>(
      linkContract,
      { 'link.challenge': ({ nonce }) => this.challenged(caller, nonce, context) },
      () => undefined,
    );
    const channel = streamChannel(socket);
    const peer: Peer<ManagerContract> = new Peer(channel, managerContract, (method, params, control) => {
      if (method === 'link.challenge') return challenged(method, params, null, control);
      if (!caller.isAdmitted) throw new AppError('noRight', 'this connection was not greeted');
      return dispatchAgentApi(method, params, context, control);
    });
    const caller: Caller = { peer, isChallenged: false, isAdmitted: false };
    this.callers.add(caller);
    const impatience = setTimeout(() => {
      if (this.upstream.current !== peer) peer.close('nothing came of this connection');
    }, greetingMs);
    channel.onClose((reason) => {
      clearTimeout(impatience);
      this.callers.delete(caller);
      if (this.upstream.current === peer) this.log.info({ reason }, 'connection to the engine ended');
      this.upstream.lost(peer);
    });
  }

  private async challenged(caller: Caller, nonce: string, context: AgentContext): Promise<Record<string, never>> {
    if (caller.isChallenged) throw new AppError('invalidValue', 'this connection was challenged already');
    caller.isChallenged = true;
    await this.admit(caller);
    const { signKey, tls } = this.identity;
    const text = Buffer.concat([Buffer.from(challengePrefix), Buffer.from(nonce, 'base64')]);
    const proof = { fingerprint: tls.fingerprint, signature: sign(null, text, signKey).toString('base64') };
    this.upstream.greet(caller.peer, context, proof).catch((error: unknown) => {
      const { code, message } = toWireError(error);
      this.log.warn({ code, reason: message }, 'an engine came and refused us');
      caller.peer.close('hello was refused');
    });
    return {};
  }

  /** @throws AppError agentInUse when another engine lives, or comes at the same time */
  private async admit(caller: Caller): Promise<void> {
    const manager = managerOf(this.identity.config);
    if (manager !== undefined)
      throw new AppError('agentInUse', `this agent dials the engine at ${manager.url}`, {
        hint: 'Authorize it there, or run holdfast-agent init without --manager on its host and start it again.',
      });
    await this.endDeadEngine();
    if (Array.from(this.callers).some(({ isAdmitted }) => isAdmitted))
      throw new AppError('agentInUse', 'another engine is just taking this agent');
    caller.isAdmitted = true;
  }

  private async endDeadEngine(): Promise<void> {
    const { current } = this.upstream;
    if (current === undefined) return;
    const dead = await current.call('manager.ping', {}, { timeoutMs: takeoverMs }).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
    if (dead === undefined) {
      this.log.warn('another engine came while one uses this agent; it was refused');
      throw new AppError('agentInUse', 'an engine is using this agent already');
    }
    this.log.info({ reason: dead }, 'the engine we had does not answer; another takes its place');
    current.close('another connection took over');
  }
}
