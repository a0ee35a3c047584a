import { type AgentContract, agentContract } from '../../shared/contract/agent/all.ts';
import type { OpenJob } from '../../shared/contract/manager/all.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import type { BackupResult, Job, JobResult, RepositoryTarget } from '../../shared/model/job.ts';
import type { RepositoryLock } from '../../shared/model/maintenance.ts';
import type { InventoryObject } from '../../shared/model/vm.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { memoryPair } from '../../shared/rpc/memory-channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import type { FakeStorage } from './fake-storage.ts';
import type { AgentLink } from '../../engine/agents/registry.ts';
import { type EngineParts, resticId } from '../helpers/engine-parts.ts';

const notPlayed = () => Promise.reject(new AppError('internal', 'the fake agent does not play this'));

/** An agent that takes jobs and does what the test says. The engine's side of its link is real. */
export class FakeAgent {
  readonly clientId: number;
  readonly jobs: Job[] = [];
  readonly cancelled: string[] = [];
  /** Repositories that it was asked to open for a pool. */
  readonly prepared: RepositoryTarget[] = [];
  /** What its platforms list, and how often they were asked. */
  objects: InventoryObject[] = [];
  inventories = 0;
  capacity = { freeBytes: 10, totalBytes: 100 };
  /** What every repository holds that it is asked about. */
  points: BackupResult[] = [];
  /** Where it finds and makes repositories. */
  storage: FakeStorage | undefined;
  /** Of every repository that it opens. */
  locks: RepositoryLock[] = [];
  /** Why no repository opens. */
  openError: ErrorCode | undefined;
  /** Thrown instead of taking a job. */
  refuseWith: AppError | undefined;
  /** Awaited before a job is taken. */
  beforeStart: (() => Promise<void>) | undefined;
  private link: AgentLink | undefined;

  constructor(clientId: number) {
    this.clientId = clientId;
  }

  /** Comes (back) online. @param jobs what its hello lists */
  async connect(parts: EngineParts, jobs: readonly OpenJob[] = []): Promise<void> {
    const [engineEnd, agentEnd] = memoryPair();
    const dispatch = createDispatcher<AgentContract, null>(agentContract, this.handlers(), () => undefined);
    const own = new Peer(agentEnd, {}, (name, params, control) => dispatch(name, params, null, control));
    const peer = new Peer(engineEnd, agentContract, notPlayed);
    own.onClose(() => undefined);
    this.link = { clientId: this.clientId, peer, authorized: true };
    await parts.queue.connected(this.clientId, jobs);
    parts.registry.add(this.link);
  }

  /** Its connection breaks. */
  async disconnect(parts: EngineParts): Promise<void> {
    if (this.link === undefined) return;
    parts.registry.remove(this.link);
    this.link.peer.close('the cable was pulled');
    await parts.queue.disconnected(this.clientId);
  }

  /** The job of that number, as it arrived. */
  job(index: number): Job {
    const job = this.jobs[index];
    if (job === undefined) throw new Error(`the agent got ${this.jobs.length} jobs`);
    return job;
  }

  private handlers(): Handlers<AgentContract, null> {
    return {
      'platforms.test': notPlayed,
      'platforms.inventory': () => {
        this.inventories += 1;
        return Promise.resolve({ objects: this.objects, total: this.objects.length });
      },
      'pools.capacity': () => Promise.resolve(this.capacity),
      'pools.prepare': async ({ repository, create }) => {
        this.prepared.push(repository);
        if (this.storage !== undefined) return this.storage.prepare(this.clientId, repository, create);
        return { repositoryId: repository.repositoryId ?? resticId, created: false, ...this.capacity };
      },
      'pools.test': notPlayed,
      'backups.diff': notPlayed,
      'repositories.stats': notPlayed,
      'repositories.locks': async () => {
        if (this.openError !== undefined) throw new AppError(this.openError, `it was ${this.openError}`);
        return { locks: this.locks };
      },
      'repositories.points': async () => ({ points: this.points, damaged: [], next: null }),
      'repositories.keys': notPlayed,
      'repositories.addKey': notPlayed,
      'repositories.removeKey': notPlayed,
      'repositories.exportKey': notPlayed,
      'guests.thaw': notPlayed,
      'agent.ping': async () => ({}),
      'jobs.start': async ({ job }) => {
        await this.beforeStart?.();
        if (this.refuseWith !== undefined) throw this.refuseWith;
        this.jobs.push(job);
        return { accepted: true as const };
      },
      'jobs.cancel': async ({ jobUuid }) => {
        this.cancelled.push(jobUuid);
        return { known: true };
      },
    };
  }
}

/** The point that a backup job makes. */
export function pointOf(job: Extract<Job, { kind: 'backup' }>, changes: Partial<BackupResult> = {}): BackupResult {
  return {
    backupUuid: job.backupUuid,
    snapshotId: 'cd'.repeat(32),
    repositoryId: resticId,
    platformUuid: job.platform.uuid,
    objectUuid: job.objectUuid,
    objectName: job.objectName,
    ruleUuid: job.rule?.uuid ?? null,
    parentUuid: null,
    type: 'full',
    createdAt: 1_700_000_000_000,
    zone: job.zone,
    consistency: 'crash',
    frozenMilliseconds: null,
    transform: null,
    signKeyId: 'key',
    manifestDigest: 'ef'.repeat(32),
    sizeBytes: 1000,
    storedBytes: 400,
    disks: [
      { id: 'vda', sizeBytes: 600, digest: '12'.repeat(32) },
      { id: 'vdb', sizeBytes: 400, digest: '34'.repeat(32) },
    ],
    ...changes,
  };
}

/** How a job ended; well, unless said otherwise. */
export function resultOf(job: Job, changes: Partial<JobResult> = {}): JobResult {
  return {
    jobUuid: job.jobUuid,
    kind: job.kind,
    outcome: 'done',
    startedAt: 1_700_000_000_000,
    endedAt: 1_700_000_001_000,
    warnings: [],
    error: null,
    step: 'finalising',
    bytesTotal: 1000,
    bytesRead: 1000,
    bytesStored: 400,
    disks: [],
    backup: job.kind === 'backup' ? pointOf(job) : null,
    restore: job.kind === 'restore' ? { path: '/restored' } : null,
    maintenance: null,
    ...changes,
  };
}

/** A job that ended without a point. */
export function failedOf(
  job: Job,
  outcome: 'failed' | 'cancelled',
  code: 'storageFull' | 'cancelled' | 'backupMissing',
) {
  return resultOf(job, { outcome, error: { code, message: `it was ${code}` }, backup: null, restore: null });
}
