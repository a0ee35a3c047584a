import type { Manifest } from '../../shared/format.ts';
import { locationOf } from '../../shared/model/storage.ts';
import { type DiffCursor, type DiffPage, maxDiffExtents } from '../../shared/model/diff.ts';
import type { PointHint, RepositoryTarget } from '../../shared/model/job.ts';
import { diffContents } from '../repository/content-diff.ts';
import type { OpenRepositories } from './open-repositories.ts';
import { openPoint, type OpenPoint } from './read-point.ts';

export interface DiffRequest {
  repository: RepositoryTarget;
  objectUuid: string;
  points: readonly [PointHint, PointHint];
  cursor: DiffCursor | undefined;
}

/**
 * One page of what differs between two points of a VM. A disk that only one of them has differs as a whole.
 * @throws AppError backupMissing, repositoryDamaged, storage errors, cancelled
 */
export async function diffPoints(
  repositories: OpenRepositories,
  request: DiffRequest,
  signal: AbortSignal,
): Promise<DiffPage> {
  return repositories.use(request.repository, async (repository) => {
    const lock = await repository.lock({ signal });
    try {
      const where = { objectUuid: request.objectUuid, location: locationOf(request.repository.storage) };
      const [a, b] = [
        await openPoint(repository, { ...request.points[0], ...where }),
        await openPoint(repository, { ...request.points[1], ...where }),
      ];
      return await pageOf(a, b, request.cursor, signal);
    } finally {
      await lock.release();
    }
  });
}

async function pageOf(a: OpenPoint, b: OpenPoint, cursor: DiffCursor | undefined, signal: AbortSignal) {
  const page: DiffPage = { disks: [] };
  let room = maxDiffExtents;
  const ids = diskIds(a.manifest, b.manifest);
  const first = cursor === undefined ? 0 : ids.indexOf(cursor.disk);
  if (first < 0) return page;
  for (const id of ids.slice(first)) {
    const from = cursor?.disk === id ? cursor.offset : 0;
    const disk: DiffPage['disks'][number] = { id, changedBytes: 0, extents: [] };
    page.disks.push(disk);
    for await (const extent of differences(a, b, id, signal)) {
      const offset = Math.max(from, extent.offset);
      const length = extent.offset + extent.length - offset;
      if (length <= 0) continue;
      if (room === 0) return { ...page, cursor: { disk: id, offset } };
      disk.extents.push({ offset, length });
      disk.changedBytes += length;
      room--;
    }
  }
  return page;
}

function diskIds(a: Manifest, b: Manifest): string[] {
  return [...new Set([...a.disks, ...b.disks].map((disk) => disk.id))];
}

async function* differences(a: OpenPoint, b: OpenPoint, id: string, signal: AbortSignal) {
  const [diskA, diskB] = [a, b].map((point) => point.manifest.disks.find((disk) => disk.id === id));
  if (diskA !== undefined && diskB !== undefined) {
    yield* diffContents(a.snapshot, `${a.root}/${diskA.path}`, b.snapshot, `${b.root}/${diskB.path}`, { signal });
    return;
  }
  const length = (diskA ?? diskB)?.sizeBytes ?? 0;
  if (length > 0) yield { offset: 0, length };
}
