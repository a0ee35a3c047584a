import { hostname } from 'node:os';
import { AppError, messageOf } from '../../shared/errors.ts';
import { manifestText, vmPath } from '../../shared/format.ts';
import type { BackupJob, BackupResult, Quiesce } from '../../shared/model/job.ts';
import type { Transform } from '../../shared/model/transform.ts';
import { version } from '../../shared/version.ts';
import { createPlatform } from '../platforms/all.ts';
import type { BackupSource, SourceProspect } from '../platforms/platform.ts';
import { diskFileName } from '../repository/content-form.ts';
import type { ContentList } from '../repository/content-list.ts';
import type { RepositoryLock } from '../repository/lock.ts';
import type { Repository } from '../repository/repository.ts';
import type { SnapshotWriter } from '../repository/snapshot-writer.ts';
import { type CopiedDisk, copyDisks } from './backup-disks.ts';
import { manifestOf, resultOf, tagsOf, vmJson } from './backup-record.ts';
import type { JobDeps, JobOutput, JobRun } from './job-run.ts';
import { checkpointName, Lineage, type DiskLineage } from './lineage.ts';
import { withLock } from './locked.ts';
import { signManifest } from './signing.ts';

/** Backs up one VM: what changed, the point in time, its disks, then manifest and snapshot (DESIGN §6). */
export async function runBackup(deps: JobDeps, job: BackupJob, run: JobRun): Promise<JobOutput> {
  await run.enter('preparing');
  const platform = createPlatform(job.platform.kind, job.platform.settings, { ...job.platform, roots: deps.roots });
  return deps.repositories.use(job.repository, async (repository) => {
    // The VM can be looked at while the lock is taken, and read before the lock has settled: only writing waits for that.
    const looking = platform.inspect(job.objectUuid, run, wantedQuiesce(job));
    looking.catch(() => undefined);
    const work = async (lock: RepositoryLock): Promise<JobOutput> => {
      await run.enter('configuration');
      const prospect = await looking;
      const transform = transformOf(deps, job);
      const lineage = await lineageOf(new Lineage(repository, job, transform), prospect);
      const source = await openSource(prospect, job, run, { repositoryId: repository.id, lineage });
      const backup = await new SourceBackup({ deps, job, run, repository, lineage, source, transform }).run(lock);
      return { backup, restore: null, maintenance: null };
    };
    try {
      return await withLock(run, job.repository, repository, work);
    } finally {
      await looking.then(
        (prospect) => prospect.close(),
        () => undefined,
      );
    }
  });
}

/** What is required must be asked for. */
function wantedQuiesce({ quiesce }: BackupJob): Quiesce {
  return { ...quiesce, freeze: quiesce.freeze || quiesce.requireConsistency };
}

/** What the job wants is always done with the agent's own key. */
function transformOf({ identity }: JobDeps, { transform }: BackupJob): Transform | null {
  return transform === null ? null : { cipher: transform, keyId: identity.transformKeys.own.id };
}

/** By disk id. */
async function lineageOf(lineage: Lineage, prospect: SourceProspect): Promise<Map<string, DiskLineage>> {
  const found = new Map<string, DiskLineage>();
  for (const disk of prospect.disks) found.set(disk.id, await lineage.of(disk, prospect.disks));
  return found;
}

async function openSource(
  prospect: SourceProspect,
  job: BackupJob,
  run: JobRun,
  { repositoryId, lineage }: { repositoryId: string; lineage: ReadonlyMap<string, DiskLineage> },
): Promise<BackupSource> {
  run.assertWanted();
  const bases = new Map<string, string>();
  for (const [id, { base }] of lineage) if (base !== undefined) bases.set(id, base.checkpoint);
  const checkpoint = { name: checkpointName(job.backupUuid), repositoryId, full: bases.size === 0 };
  return prospect.open({ checkpoint, bases });
}

interface Parts {
  deps: JobDeps;
  job: BackupJob;
  run: JobRun;
  repository: Repository;
  lineage: ReadonlyMap<string, DiskLineage>;
  source: BackupSource;
  transform: Transform | null;
}

/** What happens between the point in time and the snapshot, and what is undone when it fails. */
class SourceBackup {
  readonly #parts: Parts;
  #released: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async run(lock: RepositoryLock): Promise<BackupResult> {
    const { deps, job, run, repository, source, lineage, transform } = this.#parts;
    const { key } = deps.identity.transformKeys.own;
    const writer = repository.startSnapshot(lock, {
      signal: run.signal,
      programVersion: `holdfast ${version}`,
      verify: job.write.verifyWrites,
      compression: job.write.compression,
      maxBytesPerSecond: job.write.maxBytesPerSecond,
      transformation: transform === null ? undefined : { cipher: transform.cipher, key },
    });
    try {
      this.#checkConsistency();
      const disks = await copyDisks({ job, run, source, writer, lineage });
      const problem = source.broken();
      if (problem !== undefined) throw new AppError('diskReadFailed', problem);
      await run.enter('finalising');
      // Nothing more is read: the guest is let go while the repository is finished, or before when only that tells how
      // consistent the copy is.
      const releasing = this.#release();
      releasing.catch(() => undefined);
      if (source.settlesOnRelease) await releasing;
      this.#checkConsistency();
      this.#tellConsistency();
      const backup = await this.#finish(writer, disks);
      await releasing;
      await this.#settleCheckpoint();
      return backup;
    } catch (error) {
      await writer.abort();
      await this.#undo(error);
      throw error;
    }
  }

  /** @throws AppError consistencyNotReached */
  #checkConsistency(): void {
    const { job, source } = this.#parts;
    if (!job.quiesce.requireConsistency) return;
    const { level, problem } = source.consistency();
    if (level === 'filesystem' || level === 'application') return;
    const why = level === 'inconsistent' ? 'the disks changed while they were read' : 'the guest was not frozen';
    throw new AppError('consistencyNotReached', `the rule requires a consistent point: ${problem ?? why}`);
  }

  #tellConsistency(): void {
    const { job, run, source } = this.#parts;
    const { problem } = source.consistency();
    if (job.quiesce.freeze && problem !== null) run.warn(problem);
  }

  /** A torn point is no base: its checkpoint goes, and the older ones stay for the next run. */
  async #settleCheckpoint(): Promise<void> {
    const { source } = this.#parts;
    await (source.consistency().level === 'inconsistent' ? source.dropCheckpoint() : source.keepCheckpoint());
  }

  #release(): Promise<void> {
    return (this.#released ??= this.#parts.source.release());
  }

  /** Lets go after a failure: the first cause is what counts, a second one is told as well. @throws AppError */
  async #undo(error: unknown): Promise<void> {
    const { source } = this.#parts;
    const broken = source.broken();
    try {
      await this.#release();
      await source.dropCheckpoint();
    } catch (second) {
      throw new AppError('exportFailed', `${messageOf(error)}; then cleaning up failed: ${messageOf(second)}`, {
        cause: error,
      });
    }
    if (broken !== undefined) throw new AppError('diskReadFailed', broken, { cause: error });
  }

  async #finish(writer: SnapshotWriter, disks: readonly CopiedDisk[]): Promise<BackupResult> {
    const { deps, job, run, source, repository, transform } = this.#parts;
    const native: Record<string, ContentList> = {};
    for (const { name, content } of source.nativeFiles) native[name] = await writer.writeFile(content);
    const manifest = manifestOf(job, source, disks, transform);
    const manifestBytes = Buffer.from(manifestText(manifest));
    const signature = signManifest(deps.identity.signKey, manifestBytes);
    const vm = {
      'vm.json': await writer.writeFile(vmJson(source)),
      'manifest.json': await writer.writeFile(manifestBytes),
      'manifest.sig': await writer.writeFile(Buffer.from(`${JSON.stringify(signature)}\n`)),
      ...(source.nativeFiles.length === 0 ? {} : { native }),
      disks: Object.fromEntries(
        disks.map(({ id, written: { content } }) => [id, { [diskFileName[content.form]]: content }]),
      ),
    };
    const snapshot = await writer.finish({
      tree: { vm: { [job.objectUuid]: vm } },
      paths: [vmPath(job.objectUuid)],
      hostname: job.client.name.replace(/\p{Cc}/gu, '_') || hostname(),
      tags: tagsOf(job, manifest.type),
      time: source.takenAt,
    });
    run.bytesStored = snapshot.bytesStored;
    const signKeyId = signature.keyId;
    return resultOf(job, { manifestBytes, manifest, transform, signKeyId, snapshot, source, repository });
  }
}
