import type { ManagerContract } from '../../shared/contract/manager/all.ts';
import type { Hello } from '../../shared/contract/manager/all.ts';
import { toWireError } from '../../shared/errors.ts';
import { contractNumber } from '../../shared/model/client.ts';
import type { JobProgress, JobResult } from '../../shared/model/job.ts';
import type { Logger } from '../../shared/node/log.ts';
import type { Peer } from '../../shared/rpc/peer.ts';
import { version } from '../../shared/version.ts';
import type { AgentContext } from '../api/context.ts';
import type { AgentIdentity } from '../identity.ts';
import { systemText } from './system-text.ts';

const reportTimeoutMs = 30_000;

/** What goes up to the engine over whatever connection stands now; jobs outlive each of them. */
export class Upstream {
  private readonly identity: AgentIdentity;
  private readonly log: Logger;
  private peer: Peer<ManagerContract> | undefined;
  private authorized = false;
  /** Last moment with an engine, epoch ms. */
  lastContactAt = Date.now();

  constructor(identity: AgentIdentity, log: Logger) {
    this.identity = identity;
    this.log = log;
  }

  /** The engine that greeted us back. */
  get current(): Peer<ManagerContract> | undefined {
    return this.peer;
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

  /** Says hello, and with an engine that takes our jobs hands over what it has not got yet. @throws AppError its refusal */
  async greet(peer: Peer<ManagerContract>, { runner }: AgentContext, proof?: Hello['proof']): Promise<void> {
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
      ...(proof === undefined ? {} : { proof }),
    };
    const answer = await peer.call('hello', hello, { timeoutMs: 10_000 });
    this.peer = peer;
    this.authorized = answer.state === 'authorized';
    this.log.info({ state: answer.state }, 'greeted by the manager');
    if (this.authorized) await runner.reportAll();
  }

  /** That connection has ended; another one may stand already. */
  lost(peer: Peer<ManagerContract>): void {
    if (this.peer !== peer) return;
    this.lastContactAt = Date.now();
    this.peer = undefined;
    this.authorized = false;
  }
}
