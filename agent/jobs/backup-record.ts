import { createHash } from 'node:crypto';
import { backupTag, type Manifest, tagOf } from '../../shared/format.ts';
import { type BackupJob, type BackupResult, type BackupType, backupTypeSchema } from '../../shared/model/job.ts';
import type { BackupSource } from '../platforms/platform.ts';
import type { Transform } from '../../shared/model/transform.ts';
import { diskFileName } from '../repository/content-form.ts';
import type { Repository } from '../repository/repository.ts';
import type { FinishedSnapshot } from '../repository/snapshot-writer.ts';
import type { CopiedDisk } from './backup-disks.ts';

export function vmJson(source: BackupSource): Buffer {
  return Buffer.from(`${JSON.stringify(source.configuration, undefined, 2)}\n`);
}

/** @param type how the point was really read */
export function tagsOf(job: BackupJob, type: string): string[] {
  return [
    'holdfast',
    backupTag(job.backupUuid),
    ...(job.rule === null ? [] : [tagOf('rule', job.rule.uuid)]),
    tagOf('type', type),
    tagOf('platform', job.platform.kind),
    tagOf('vm', job.objectName),
  ];
}

/** manifest.json of the point (DETAILS 2). */
export function manifestOf(
  job: BackupJob,
  source: BackupSource,
  disks: readonly CopiedDisk[],
  transform: Transform | null,
): Manifest {
  const { level, frozenAt, thawedAt } = source.consistency();
  return {
    format: 1,
    backupUuid: job.backupUuid,
    engineUuid: job.engineUuid,
    client: job.client,
    platform: { uuid: job.platform.uuid, kind: job.platform.kind, name: job.platform.name },
    objectUuid: job.objectUuid,
    rule: job.rule,
    type: reachedType(job, disks),
    parentUuid: newestBase(disks),
    createdAt: new Date(source.takenAt).toISOString(),
    zone: job.zone,
    consistency: { asked: askedLevel(job), reached: level, frozenAt: timeOf(frozenAt), thawedAt: timeOf(thawedAt) },
    transform,
    files: filesOf(source),
    disks: disks.map(({ id, format, way, written }) => ({
      id,
      path: `disks/${id}/${diskFileName[written.content.form]}`,
      sizeBytes: written.sizeBytes,
      cellBytes: written.cellBytes,
      sourceFormat: format,
      mode: way.mode,
      changeSource: way.changeSource,
      reason: way.reason,
      baseUuid: way.base?.point.manifest.backupUuid ?? null,
      // From a torn point nothing can go on.
      checkpoint: level === 'inconsistent' ? null : way.checkpoint,
      bytesRead: written.bytesRead,
      zeroBytes: written.zeroBytes,
      blobs: written.blobs,
      digest: written.digest,
    })),
  };
}

/** A run that had to read every disk whole made a full point, whatever it was asked for. */
function reachedType(job: BackupJob, disks: readonly CopiedDisk[]): BackupType {
  return disks.some(({ way }) => way.mode !== 'full') ? job.type : 'full';
}

function newestBase(disks: readonly CopiedDisk[]): string | null {
  const bases = disks.flatMap(({ way }) => (way.base === null || way.mode === 'full' ? [] : [way.base.point.manifest]));
  const [newest] = bases.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
  return newest?.backupUuid ?? null;
}

function askedLevel({ quiesce }: BackupJob): string {
  if (!quiesce.freeze && !quiesce.requireConsistency) return 'crash';
  return quiesce.scriptBefore === null && quiesce.scriptAfter === null ? 'filesystem' : 'application';
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function filesOf(source: BackupSource): Record<string, string> {
  const native = source.nativeFiles.map(({ name, content }) => [`native/${name}`, sha256(content)] as const);
  return Object.fromEntries([['vm.json', sha256(vmJson(source))] as const, ...native]);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

interface Finished {
  manifestBytes: Buffer;
  manifest: Manifest;
  transform: Transform | null;
  signKeyId: string;
  snapshot: FinishedSnapshot;
  source: BackupSource;
  repository: Repository;
}

/** What the engine makes its record from. */
export function resultOf(job: BackupJob, finished: Finished): BackupResult {
  const { manifest, snapshot, source } = finished;
  const { level, frozenAt, thawedAt } = source.consistency();
  return {
    backupUuid: job.backupUuid,
    snapshotId: snapshot.snapshotId,
    repositoryId: finished.repository.id,
    platformUuid: job.platform.uuid,
    objectUuid: job.objectUuid,
    objectName: job.objectName,
    ruleUuid: job.rule?.uuid ?? null,
    parentUuid: manifest.parentUuid,
    type: backupTypeSchema.parse(manifest.type),
    createdAt: source.takenAt,
    zone: job.zone,
    consistency: level,
    frozenMilliseconds: frozenAt === null || thawedAt === null ? null : Math.max(0, thawedAt - frozenAt),
    transform: finished.transform,
    signKeyId: finished.signKeyId,
    manifestDigest: sha256(finished.manifestBytes),
    sizeBytes: manifest.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
    storedBytes: snapshot.bytesStored,
    disks: manifest.disks.map(({ id, sizeBytes, digest }) => ({ id, sizeBytes, digest })),
  };
}
