import { createHash } from 'node:crypto';
import { AppError, messageOf } from '../../shared/errors.ts';
import { backupTag, type Manifest, manifestText, tagOf, vmPath } from '../../shared/format.ts';
import type { BackupJob, BackupResult } from '../../shared/model/job.ts';
import { version } from '../../shared/version.ts';
import { createPlatform } from '../platforms/all.ts';
import type { BackupSource } from '../platforms/platform.ts';
import type { SourceDisk } from '../disks/disk.ts';
import type { WrittenDisk } from '../repository/disk-writer.ts';
import type { Repository } from '../repository/repository.ts';
import type { FinishedSnapshot, SnapshotWriter } from '../repository/snapshot-writer.ts';
import { hostname } from 'node:os';
import type { ContentList } from '../repository/content-list.ts';
import { cellBytesFor } from '../repository/disk-cells.ts';
import type { JobDeps, JobOutput, JobRun } from './job-run.ts';
import { withLock } from './locked.ts';
import { signManifest } from './signing.ts';

/** Backs up one VM: the point in time, its disks, then manifest and snapshot (DESIGN §6). */
export async function runBackup(deps: JobDeps, job: BackupJob, run: JobRun): Promise<JobOutput> {
  await run.enter('preparing');
  const platform = createPlatform(job.platform.kind, job.platform.settings, { ...job.platform, roots: deps.roots });
  return deps.repositories.use(job.repository, (repository) =>
    withLock(run, job.repository, repository, async (lock) => {
      await run.enter('configuration');
      const source = await platform.openSource(job.objectUuid, run);
      const releasing = once(() => source.release());
      const writer = repository.startSnapshot(lock, { signal: run.signal, programVersion: `holdfast ${version}` });
      try {
        const disks = await copyDisks(run, source, writer);
        const problem = source.broken();
        if (problem !== undefined) throw new AppError('diskReadFailed', problem);
        await run.enter('finalising');
        // The guest is let go before the repository is finished: nothing more is read.
        await releasing();
        const backup = await finish(deps, job, { run, source, disks, writer, repository });
        return { backup, restore: null };
      } catch (error) {
        await writer.abort();
        await releaseAfter(error, source, releasing);
        throw error;
      }
    }),
  );
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

/** Release after a failure: the first cause is what counts, a second one is told as well. @throws AppError */
async function releaseAfter(error: unknown, source: BackupSource, release: () => Promise<void>): Promise<void> {
  const broken = source.broken();
  try {
    await release();
  } catch (second) {
    throw new AppError('exportFailed', `${messageOf(error)}; then cleaning up failed: ${messageOf(second)}`, {
      cause: error,
    });
  }
  if (broken !== undefined) throw new AppError('diskReadFailed', broken, { cause: error });
}

interface CopiedDisk {
  disk: SourceDisk;
  written: WrittenDisk;
}

async function copyDisks(run: JobRun, source: BackupSource, writer: SnapshotWriter): Promise<CopiedDisk[]> {
  await run.enter('queryingChanges');
  for (const disk of source.disks) run.disks.push(emptyFigures(disk.id, await plannedBytes(disk, run)));
  run.bytesTotal = sum(run.disks.map((disk) => disk.plannedBytes));
  await run.enter('copyingData');
  const copied: CopiedDisk[] = [];
  for (const [index, disk] of source.disks.entries()) {
    const figures = run.disks[index];
    if (figures === undefined) throw new AppError('internal', `no figures for disk ${disk.id}`);
    const written = await writer.writeDisk(disk, {
      cellBytes: cellBytesFor(disk.sizeBytes),
      onProgress: ({ bytesRead, zeroBytes, bytesStored }) => {
        Object.assign(figures, { bytesRead, zeroBytes, bytesStored });
        addUp(run);
      },
    });
    // What was read beyond the plan (whole cells around small extents) is no progress.
    figures.bytesRead = written.bytesRead;
    figures.zeroBytes = written.zeroBytes;
    figures.bytesStored = written.bytesStored;
    addUp(run);
    copied.push({ disk, written });
  }
  return copied;
}

function emptyFigures(id: string, plannedBytes: number) {
  return { id, mode: 'full' as const, plannedBytes, bytesRead: 0, zeroBytes: 0, bytesStored: 0 };
}

/** Bytes that a full read will ask for: whole cells that are not known to be zero. */
async function plannedBytes(disk: SourceDisk, run: JobRun): Promise<number> {
  const cell = cellBytesFor(disk.sizeBytes);
  let planned = 0;
  let plannedTo = 0;
  for await (const extent of disk.extents(run.signal)) {
    if (extent.zero) continue;
    const from = Math.max(plannedTo, Math.floor(extent.offset / cell) * cell);
    const to = Math.min(disk.sizeBytes, Math.ceil((extent.offset + extent.length) / cell) * cell);
    planned += Math.max(0, to - from);
    plannedTo = Math.max(plannedTo, to);
  }
  return planned;
}

function addUp(run: JobRun): void {
  run.bytesRead = sum(run.disks.map((disk) => disk.bytesRead));
  run.bytesDone = Math.min(run.bytesRead, run.bytesTotal ?? 0);
  run.bytesStored = sum(run.disks.map((disk) => disk.bytesStored));
  run.report();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

interface Copied {
  run: JobRun;
  source: BackupSource;
  disks: readonly CopiedDisk[];
  writer: SnapshotWriter;
  repository: Repository;
}

async function finish(deps: JobDeps, job: BackupJob, copied: Copied): Promise<BackupResult> {
  const { run, source, disks, writer, repository } = copied;
  const files = filesOf(source);
  const native: Record<string, ContentList> = {};
  for (const { name, content } of source.nativeFiles) native[name] = await writer.writeFile(content);
  const manifest = manifestOf(job, source, disks, files);
  const manifestBytes = Buffer.from(manifestText(manifest));
  const signature = signManifest(deps.identity.signKey, manifestBytes);
  const vm = {
    'vm.json': await writer.writeFile(vmJson(source)),
    'manifest.json': await writer.writeFile(manifestBytes),
    'manifest.sig': await writer.writeFile(Buffer.from(`${JSON.stringify(signature)}\n`)),
    ...(source.nativeFiles.length === 0 ? {} : { native }),
    disks: Object.fromEntries(disks.map(({ disk, written }) => [disk.id, { 'disk.raw': written.content }])),
  };
  const snapshot = await writer.finish({
    tree: { vm: { [job.objectUuid]: vm } },
    paths: [vmPath(job.objectUuid)],
    hostname: job.client.name.replace(/\p{Cc}/gu, '_') || hostname(),
    tags: tagsOf(job),
    time: source.takenAt,
  });
  run.bytesStored = snapshot.bytesStored;
  return resultOf(job, {
    manifestBytes,
    manifest,
    keyId: signature.keyId,
    snapshot,
    repositoryId: repository.id,
    takenAt: source.takenAt,
    consistency: reachedBy(source),
  });
}

/** This version never freezes a guest. */
function reachedBy(source: BackupSource): BackupResult['consistency'] {
  return source.consistent() ? 'crash' : 'inconsistent';
}

function vmJson(source: BackupSource): Buffer {
  return Buffer.from(`${JSON.stringify(source.configuration, undefined, 2)}\n`);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function filesOf(source: BackupSource): Record<string, string> {
  const native = source.nativeFiles.map(({ name, content }) => [`native/${name}`, sha256(content)] as const);
  return Object.fromEntries([['vm.json', sha256(vmJson(source))] as const, ...native]);
}

function tagsOf(job: BackupJob): string[] {
  return [
    'holdfast',
    backupTag(job.backupUuid),
    ...(job.rule === null ? [] : [tagOf('rule', job.rule.uuid)]),
    tagOf('type', job.type),
    tagOf('platform', job.platform.kind),
    tagOf('vm', job.objectName),
  ];
}

function manifestOf(
  job: BackupJob,
  source: BackupSource,
  disks: readonly CopiedDisk[],
  files: Record<string, string>,
): Manifest {
  return {
    format: 1,
    backupUuid: job.backupUuid,
    engineUuid: job.engineUuid,
    client: job.client,
    platform: { uuid: job.platform.uuid, kind: job.platform.kind, name: job.platform.name },
    objectUuid: job.objectUuid,
    rule: job.rule,
    type: job.type,
    parentUuid: null,
    createdAt: new Date(source.takenAt).toISOString(),
    zone: job.zone,
    consistency: { asked: 'crash', reached: reachedBy(source), frozenAt: null, thawedAt: null },
    transform: null,
    files,
    disks: disks.map(({ disk, written }) => ({
      id: disk.id,
      path: `disks/${disk.id}/disk.raw`,
      sizeBytes: written.sizeBytes,
      cellBytes: written.cellBytes,
      sourceFormat: disk.format,
      mode: 'full',
      changeSource: null,
      reason: null,
      baseUuid: null,
      checkpoint: null,
      bytesRead: written.bytesRead,
      zeroBytes: written.zeroBytes,
      blobs: written.blobs,
      digest: written.digest,
    })),
  };
}

interface Finished {
  manifestBytes: Buffer;
  manifest: Manifest;
  keyId: string;
  snapshot: FinishedSnapshot;
  repositoryId: string;
  takenAt: number;
  consistency: BackupResult['consistency'];
}

function resultOf(job: BackupJob, finished: Finished): BackupResult {
  const { manifest, snapshot } = finished;
  return {
    backupUuid: job.backupUuid,
    snapshotId: snapshot.snapshotId,
    repositoryId: finished.repositoryId,
    platformUuid: job.platform.uuid,
    objectUuid: job.objectUuid,
    objectName: job.objectName,
    ruleUuid: job.rule?.uuid ?? null,
    parentUuid: null,
    type: job.type,
    createdAt: finished.takenAt,
    zone: job.zone,
    consistency: finished.consistency,
    signKeyId: finished.keyId,
    manifestDigest: sha256(finished.manifestBytes),
    sizeBytes: sum(manifest.disks.map((disk) => disk.sizeBytes)),
    storedBytes: snapshot.bytesStored,
    disks: manifest.disks.map(({ id, sizeBytes, digest }) => ({ id, sizeBytes, digest })),
  };
}
