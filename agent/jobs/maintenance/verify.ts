import { AppError, hasCode } from '../../../shared/errors.ts';
import { backupTag } from '../../../shared/format.ts';
import { maxDamages, type VerifyError } from '../../../shared/model/maintenance.ts';
import { locationOf } from '../../../shared/model/storage.ts';
import type { Maintenance } from '../../repository/maintenance/maintenance.ts';
import type { Snapshot } from '../../repository/snapshot-file.ts';
import { withLock } from '../locked.ts';
import { openDisks, openPoint, readFiles, readSignature } from '../read-point.ts';
import { isSignedBy } from '../signing.ts';
import { diskOf } from './point-names.ts';
import type { OperationOf, ResultOf, Work } from './work.ts';

type Point = OperationOf<'verify'>['points'][number];
type Verified = ResultOf<'verify'>['points'][number];

/**
 * Reads points again: MAC, frame and SHA-256 of every blob they need, digests and hashes of the manifest, its signature.
 * A point in which anything is wrong is suspicious; the others are trusted. The task ends with a warning for each suspicious
 * one.
 */
export async function verifyPoints(work: Work, { points }: OperationOf<'verify'>): Promise<ResultOf<'verify'>> {
  const { run, repository, job } = work;
  return withLock(run, job.repository, repository, async (lock) => {
    await run.enter('checkingData');
    const maintenance = repository.maintenance(lock);
    const verified: Verified[] = [];
    for (const [place, point] of points.entries()) {
      const errors = await verifyOne(work, maintenance, point, points.length - place);
      const verification = errors.length === 0 ? 'trusted' : 'suspicious';
      verified.push({ backupUuid: point.backupUuid, verification, errors: errors.slice(0, maxDamages) });
      if (errors.length > 0) run.warn(warningOf(point, errors));
    }
    await run.enter('finalising');
    return { kind: 'verify', points: verified };
  });
}

async function verifyOne(work: Work, maintenance: Maintenance, point: Point, left: number): Promise<VerifyError[]> {
  const snapshot = await findPoint(work, point);
  if (typeof snapshot === 'string') return [wholePoint(snapshot)];
  const done = work.run.bytesDone;
  const { errors } = await maintenance.verifyPoint(snapshot, {
    signal: work.run.signal,
    onProgress: ({ bytesDone, bytesTotal }) => {
      // How much the points behind this one hold is not known yet; they are taken to be like this one.
      work.run.bytesTotal = done + left * bytesTotal;
      work.run.bytesDone = done + bytesDone;
      work.run.report();
    },
  });
  const damages = errors.map(({ path, offset, length, kind }) => ({ disk: diskOf(path), offset, length, kind }));
  return damages.length > 0 ? damages : verifyManifest(work, point);
}

/** @returns the snapshot, or why there is none that can be read */
async function findPoint(
  { repository }: Work,
  { backupUuid, snapshotId }: Point,
): Promise<Snapshot | 'pointMissing' | 'snapshotDamaged'> {
  try {
    const query = { hintId: snapshotId ?? undefined, tag: backupTag(backupUuid) };
    return (await repository.findSnapshot(query)) ?? 'pointMissing';
  } catch (error) {
    if (hasCode(error, 'repositoryDamaged')) return 'snapshotDamaged';
    throw error;
  }
}

/** The data are whole; are they also what the agent wrote that made the point? */
async function verifyManifest({ repository, job }: Work, point: Point): Promise<VerifyError[]> {
  try {
    const location = locationOf(job.repository.storage);
    const opened = await openPoint(repository, { ...point, location });
    await readFiles(opened);
    await openDisks(opened);
    const signature = await readSignature(opened);
    return isSignedBy(job.signKeys, opened.manifestBytes, signature) ? [] : [wholePoint('signatureWrong')];
  } catch (error) {
    if (error instanceof AppError && ['repositoryDamaged', 'backupMissing'].includes(error.code))
      return [wholePoint('manifestDamaged')];
    throw error;
  }
}

function wholePoint(kind: VerifyError['kind']): VerifyError {
  return { disk: null, offset: null, length: null, kind };
}

function warningOf({ backupUuid }: Point, errors: readonly VerifyError[]): string {
  const [first] = errors;
  const disk = first?.disk ?? null;
  const where = disk === null ? '' : `, disk ${disk}, ${first?.length ?? 0} bytes at ${first?.offset ?? 0}`;
  return `backup ${backupUuid} is suspicious: ${first?.kind ?? ''}${where}; ${errors.length} in all`;
}
