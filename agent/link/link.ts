import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type ManagerContract, managerContract } from '../../shared/contract/manager/all.ts';
import { AppError, type ErrorCode, toWireError } from '../../shared/errors.ts';
import { contractNumber } from '../../shared/model/client.ts';
import type { JobProgress, JobResult } from '../../shared/model/job.ts';
import type { Logger } from '../../shared/node/log.ts';
import { readIfThere } from '../../shared/node/tls.ts';
import { webSocketChannel } from '../../shared/node/websocket-channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { version } from '../../shared/version.ts';
import { dispatchAgentApi } from '../api/all.ts';
import type { AgentContext } from '../api/context.ts';
import type { AgentIdentity } from '../identity.ts';
import { dial, type ManagerAddress } from './dial.ts';
import { systemText } from './system-text.ts';

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
const reportTimeoutMs = 30_000;

const engineFileSchema = z.object({ agentUrl: z.string(), fingerprint: z.string() });

/** The connection to the manager: dialled again and again, authorized or not (DESIGN §4). */
export class ManagerLink {
  private readonly identity: AgentIdentity;
  private readonly log: Logger;
  private readonly stopped = new AbortController();
  private peer: Peer<ManagerContract> | undefined;
  private authorized = false;
  /** Last moment with an engine, epoch ms. */
  lastContactAt = Date.now();

  constructor(identity: AgentIdentity, log: Logger) {
    this.identity = identity;
    this.log = log;
  }

  get connected(): boolean {
    return this.peer !== undefined;
  }

  /** @returns true once the engine has acknowledged */
  async report(result: JobResult): Promise<boolean> {
    if (this.peer === undefined || !this.authorized) return false;
    try {
      await this.peer.call('results.report', { result }, { timeoutMs: reportTimeoutMs });
      return true;
    } catch (error) {
      this.log.warn({ err: error, jobUuid: result.jobUuid }, 'reporting a result failed; it is kept');
      return false;
    }
  }

  progress(progress: JobProgress): void {
    if (this.peer === undefined || !this.authorized) return;
    this.peer.call('progress.report', { progress }, { timeoutMs: reportTimeoutMs }).catch((error: unknown) => {
      this.log.debug({ reason: toWireError(error).message }, 'progress was not taken');
    });
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
    this.peer?.close('the agent stops');
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
        await this.greet(peer, context);
      } catch (error) {
        peer.close('hello was refused');
        throw error;
      }
      const reason = await ended;
      this.log.info({ reason }, 'connection to the manager ended');
      return undefined;
    } catch (error) {
      const wire = toWireError(error);
      this.log.warn({ code: wire.code, reason: wire.message }, 'no connection to the manager');
      return wire.code;
    } finally {
      if (this.peer !== undefined) this.lastContactAt = Date.now();
      this.peer = undefined;
      this.authorized = false;
    }
  }

  private async greet(peer: Peer<ManagerContract>, { runner }: AgentContext): Promise<void> {
    const { name, hwid } = this.identity.config;
    const hello = {
      contract: contractNumber,
      version,
      name,
      hwid,
      system: await systemText(),
      signKey: this.identity.publicSignKey,
      capabilities: [],
      jobs: runner.openJobs(),
    };
    const answer = await peer.call('hello', hello, { timeoutMs: 10_000 });
    this.peer = peer;
    this.authorized = answer.state === 'authorized';
    this.log.info({ state: answer.state }, 'greeted by the manager');
    if (this.authorized) await runner.reportAll();
  }

  /** A local agent follows its engine to another port (DETAILS 14). */
  private async managerAddress(): Promise<ManagerAddress> {
    const { manager, fingerprint, engineFile } = this.identity.config;
    const fallback = { url: manager, fingerprint };
    if (engineFile === undefined) return fallback;
    const text = await readIfThere(engineFile);
    if (text === undefined) return fallback;
    try {
      const file = engineFileSchema.parse(JSON.parse(text));
      return { url: file.agentUrl, fingerprint: file.fingerprint };
    } catch (error) {
      throw new AppError('invalidValue', `${engineFile} is damaged`, { cause: error });
    }
  }
}
