import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { managerContract } from '../../shared/contract/manager/all.ts';
import { AppError, type ErrorCode, toWireError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/node/log.ts';
import { readIfThere } from '../../shared/node/tls.ts';
import { webSocketChannel } from '../../shared/node/websocket-channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { dispatchAgentApi } from '../api/all.ts';
import type { AgentContext } from '../api/context.ts';
import type { ManagerAddress } from '../agent-config.ts';
import type { AgentIdentity } from '../identity.ts';
import { dial } from './dial.ts';
import type { Link } from './link.ts';
import type { Upstream } from './upstream.ts';

const firstWaitMs = 250;
const longestWaitMs = 10_000;
/** After these the manager's mind must change first: asking often helps nobody. */
const patientCodes: readonly ErrorCode[] = [
  'clientRemoved',
  'duplicateHwid',
  'certificateMismatch',
  'incompatible',
  'rateLimited',
];
const patientMs = 5000;

const engineFileSchema = z.object({ agentUrl: z.string(), fingerprint: z.string() });

/** The connection to the manager: dialled again and again, authorized or not (DESIGN §4). */
export class ManagerLink implements Link {
  private readonly identity: AgentIdentity;
  private readonly manager: ManagerAddress;
  private readonly upstream: Upstream;
  private readonly log: Logger;
  private readonly stopped = new AbortController();

  constructor(identity: AgentIdentity, manager: ManagerAddress, upstream: Upstream, log: Logger) {
    this.identity = identity;
    this.manager = manager;
    this.upstream = upstream;
    this.log = log;
  }

  /** Keeps a connection until {@link stop}. */
  async run(context: AgentContext): Promise<void> {
    const { signal } = this.stopped;
    let waitMs = firstWaitMs;
    while (!signal.aborted) {
      const startedAt = Date.now();
      const code = await this.connectOnce(context);
      if (Date.now() - startedAt > longestWaitMs) waitMs = firstWaitMs;
      if (code === undefined) waitMs = firstWaitMs;
      const pause = code !== undefined && patientCodes.includes(code) ? patientMs : waitMs;
      waitMs = Math.min(longestWaitMs, waitMs * 2);
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.stopped.abort();
    this.upstream.current?.close('the agent stops');
  }

  /** One connection from its dialling to its end. @returns the code of the error that ended it early */
  private async connectOnce(context: AgentContext): Promise<ErrorCode | undefined> {
    try {
      const socket = await dial(this.identity, await this.managerAddress());
      const channel = webSocketChannel(socket);
      const peer = new Peer(channel, managerContract, (method, params, control) =>
        dispatchAgentApi(method, params, context, control),
      );
      const ended = new Promise<string>((resolve) => channel.onClose(resolve));
      if (this.stopped.signal.aborted) peer.close();
      try {
        await this.upstream.greet(peer, context);
      } catch (error) {
        this.upstream.lost(peer);
        peer.close('hello was refused');
        throw error;
      }
      this.log.info({ reason: await ended }, 'connection to the manager ended');
      this.upstream.lost(peer);
      return undefined;
    } catch (error) {
      const wire = toWireError(error);
      this.log.warn({ code: wire.code, reason: wire.message }, 'no connection to the manager');
      return wire.code;
    }
  }

  /** A local agent follows its engine to another port (DETAILS 14). */
  private async managerAddress(): Promise<ManagerAddress> {
    const { engineFile } = this.identity.config;
    if (engineFile === undefined) return this.manager;
    const text = await readIfThere(engineFile);
    if (text === undefined) return this.manager;
    try {
      const file = engineFileSchema.parse(JSON.parse(text));
      return { url: file.agentUrl, fingerprint: file.fingerprint };
    } catch (error) {
      throw new AppError('invalidValue', `${engineFile} is damaged`, { cause: error });
    }
  }
}
