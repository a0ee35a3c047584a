import { createHash } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { signatureSchema } from '../../shared/format.ts';
import { type BackupResult, backupResultSchema } from '../../shared/model/job.ts';
import type { Repository } from '../repository/repository.ts';
import type { Snapshot } from '../repository/snapshot-file.ts';
import { type PointTags, tagsOf } from './point-tags.ts';
import { openPoint, readSignature } from './read-point.ts';

const pageSize = 100;

export interface FoundPoints {
  points: BackupResult[];
  /** Ids of snapshots that call themselves ours and cannot be read. */
  damaged: string[];
  next: number | null;
}

/**
 * Reads what an engine needs to know of the points in a repository, a hundred snapshots at a time. Snapshots of other
 * programs are passed over.
 * @throws AppError storage errors, repositoryDamaged when the index cannot be read
 */
export async function findPoints(
  repository: Repository,
  { from, location, signal }: { from: number; location: string; signal: AbortSignal },
): Promise<FoundPoints> {
  const lock = await repository.lock({ signal });
  try {
    const snapshots = await repository.listSnapshots(() => undefined);
    const page = snapshots.slice(from, from + pageSize);
    const found: FoundPoints = { points: [], damaged: [], next: null };
    for (const snapshot of page) {
      const tags = tagsOf(snapshot);
      if (tags === undefined) continue;
      const point = await readPoint(repository, snapshot, { ...tags, location });
      if (point === undefined) found.damaged.push(snapshot.id);
      else found.points.push(point);
    }
    if (from + page.length < snapshots.length) found.next = from + page.length;
    return found;
  } finally {
    await lock.release();
  }
}

async function readPoint(
  repository: Repository,
  snapshot: Snapshot,
  { vm, backupUuid, objectUuid, location }: PointTags & { location: string },
): Promise<BackupResult | undefined> {
  try {
    const point = await openPoint(repository, { backupUuid, objectUuid, location, snapshotId: snapshot.id });
    const { manifest, manifestBytes } = point;
    const signature = await readSignature(point);
    return backupResultSchema.parse({
      backupUuid: manifest.backupUuid,
      snapshotId: snapshot.id,
      repositoryId: repository.id,
      platformUuid: manifest.platform.uuid,
      objectUuid: manifest.objectUuid,
      objectName: vm.slice(0, 1024),
      ruleUuid: manifest.rule?.uuid ?? null,
      parentUuid: manifest.parentUuid,
      type: manifest.type,
      createdAt: Date.parse(manifest.createdAt),
      zone: manifest.zone,
      consistency: manifest.consistency.reached,
      frozenMilliseconds: frozenMs(manifest.consistency),
      transform: manifest.transform,
      signKeyId: keyIdOf(signature),
      manifestDigest: createHash('sha256').update(manifestBytes).digest('hex'),
      sizeBytes: manifest.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
      storedBytes: snapshot.storedBytes ?? 0,
      disks: manifest.disks.map(({ id, sizeBytes, digest }) => ({ id, sizeBytes, digest })),
    });
  } catch (error) {
    // The words of a manifest that somebody else wrote fail the schema: no AppError, and as little a point of ours.
    if (error instanceof AppError && !['repositoryDamaged', 'backupMissing'].includes(error.code)) throw error;
    return undefined;
  }
}

function frozenMs({ frozenAt, thawedAt }: { frozenAt: string | null; thawedAt: string | null }): number | null {
  if (frozenAt === null || thawedAt === null) return null;
  return Math.max(0, Date.parse(thawedAt) - Date.parse(frozenAt));
}

function keyIdOf(signature: Buffer | undefined): string | null {
  try {
    return (
      signatureSchema.safeParse(JSON.parse(signature?.toString('utf8') ?? 'null')).data?.keyId.slice(0, 100) ?? null
    );
  } catch {
    // Not JSON: verification will say so.
    return null;
  }
}
