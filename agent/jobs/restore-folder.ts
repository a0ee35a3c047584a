import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { syncFolder } from '../../shared/node/atomic-file.ts';
import { writeError } from '../disks/file-errors.ts';
import { TargetFile } from '../disks/target-file.ts';
import type { JobRun } from './job-run.ts';
import type { RestorePoint } from './read-point.ts';
import type { RestoreTarget } from './restore-target.ts';

/**
 * Restores into `<folder>/<uuid>/`: vm.json, manifest, native files, disks/<id>/disk.raw. The folder must be absent or
 * empty. A mark inside shows that it is unfinished, so that a restart of the agent may remove it.
 * @throws AppError notEmpty, storageDenied, storageFull
 */
export async function restoreFolder(
  folder: string,
  objectUuid: string,
  point: RestorePoint,
  run: JobRun,
): Promise<RestoreTarget> {
  const existed = await assertUsable(folder);
  const path = join(folder, objectUuid);
  const marker = `.holdfast-restore-${run.jobUuid}`;
  const resource = { kind: 'folder' as const, name: JSON.stringify({ path, marker }) };
  await run.acquired(resource);
  const rollback = async () => {
    await rm(path, { recursive: true, force: true });
    if (!existed) await rmdir(folder);
    await run.released(resource);
  };
  try {
    await makeFolder(path);
    await writeFile(join(path, marker), '', { mode: 0o600 });
    for (const [name, content] of point.files) await writeSmall(join(path, name), content);
  } catch (error) {
    await rollback();
    throw error instanceof AppError ? error : writeError(path, error);
  }
  return {
    rollback,
    async openDisk(diskId) {
      const disk = point.disks.find((each) => each.id === diskId);
      if (disk === undefined) throw new AppError('internal', `the point has no disk ${diskId}`);
      const file = join(path, 'disks', diskId, 'disk.raw');
      await makeFolder(dirname(file));
      return TargetFile.create(file, disk.sizeBytes);
    },
    async finish() {
      await rm(join(path, marker));
      await syncFolder(path);
      await run.released(resource);
      return { path };
    },
  };
}

/** @returns whether the folder was there already */
async function assertUsable(folder: string): Promise<boolean> {
  try {
    const names = await readdir(folder);
    if (names.length === 0) return true;
    throw new AppError('notEmpty', `${folder} is not empty: ${names.slice(0, 3).join(', ')}`, { field: 'to' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error instanceof AppError ? error : writeError(folder, error);
  }
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

async function writeSmall(path: string, content: Buffer): Promise<void> {
  await makeFolder(dirname(path));
  await writeFile(path, content, { mode: 0o600, flag: 'wx', flush: true });
}
