import type { Manifest } from '../../shared/format.ts';
import { locationOf } from '../../shared/model/storage.ts';
import { type DiffCursor, type DiffPage, maxDiffExtents } from '../../shared/model/diff.ts';
import type { PointHint, RepositoryTarget } from '../../shared/model/job.ts';
import { diffContents } from '../repository/content-diff.ts';
import type { TransformKeys } from '../transform/key-store.ts';
import { isSameTransform } from './lineage.ts';
import type { OpenRepositories } from './open-repositories.ts';
import { withTransformKey } from './point-key.ts';
import { openPoint, type OpenPoint } from './read-point.ts';

export interface DiffRequest {
  repository: RepositoryTarget;
  objectUuid: string;
  points: readonly [PointHint, PointHint];
  cursor: DiffCursor | undefined;
}

/**
 * One page of what differs between two points of a VM. A disk that only one of them has differs as a whole.
 * @throws AppError backupMissing, repositoryDamaged, transformKeyMissing, storage errors, cancelled
 */
export async function diffPoints(
  { repositories, transformKeys }: { repositories: OpenRepositories; transformKeys: TransformKeys },
  request: DiffRequest,
  signal: AbortSignal,
): Promise<DiffPage> {
  return repositories.use(request.repository, async (repository) => {
    const lock = await repository.lock({ signal });
    try {
      const where = { objectUuid: request.objectUuid, location: locationOf(request.repository.storage) };
      const open = async (hint: PointHint) =>
        withTransformKey(await openPoint(repository, { ...hint, ...where }), transformKeys, { needed: false });
      const [a, b] = [await open(request.points[0]), await open(request.points[1])];
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
    const comparable = isSameTransform(a.manifest.transform, b.manifest.transform);
    const [pathA, pathB] = [`${a.root}/${diskA.path}`, `${b.root}/${diskB.path}`];
    yield* diffContents(a.snapshot, pathA, b.snapshot, pathB, { signal, comparable });
    return;
  }
  const length = (diskA ?? diskB)?.sizeBytes ?? 0;
  if (length > 0) yield { offset: 0, length };
}
