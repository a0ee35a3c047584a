import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import type { UnpackFormat } from '../../shared/model/job.ts';
import { syncFolder } from '../../shared/node/atomic-file.ts';
import { writeError } from '../disks/file-errors.ts';
import { canWrite, openNewDisk } from '../disks/new-disk.ts';
import { qemuNbdMissing } from '../disks/qemu-nbd.ts';
import { openNew } from '../disks/target-file.ts';
import type { JobScope } from '../platforms/platform.ts';
import type { Roots } from '../platforms/roots.ts';
import { SocketFolder } from '../platforms/roots.ts';
import type { RestorePoint } from './read-point.ts';
import type { RestoreTarget } from './restore-target.ts';

export interface FolderRequest {
  target: { path: string; format: UnpackFormat };
  objectUuid: string;
  roots: Pick<Roots, 'run'>;
}

/**
 * Restores into `<folder>/<uuid>/`: vm.json, manifest, native files, disks/<id>/disk.raw or disk.qcow2. The folder must be
 * absent or empty. A mark inside shows that it is unfinished, so that a restart of the agent may remove it.
 * @throws AppError notEmpty, storageDenied, storageFull, programMissing
 */
export async function restoreFolder(
  { target, objectUuid, roots }: FolderRequest,
  point: Pick<RestorePoint, 'files' | 'disks'>,
  run: JobScope,
): Promise<RestoreTarget> {
  const { path: folder, format } = target;
  if (!(await canWrite(format))) throw qemuNbdMissing();
  const sockets = new SocketFolder(roots.run, run);
  const existed = await assertEmptyFolder(folder);
  const path = join(folder, objectUuid);
  const marker = `.holdfast-restore-${run.jobUuid}`;
  const resource = { kind: 'folder' as const, name: JSON.stringify({ path, marker }) };
  await run.acquired(resource);
  const rollback = async () => {
    await rm(path, { recursive: true, force: true });
    await sockets.remove();
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
      const file = join(path, 'disks', diskId, `disk.${format}`);
      await makeFolder(dirname(file));
      await (await openNew(file, 0o600)).close();
      const { sizeBytes } = disk;
      return openNewDisk({ path: file, format, sizeBytes, socketPath: () => sockets.next() }, run);
    },
    async finish() {
      await sockets.remove();
      await rm(join(path, marker));
      await syncFolder(path);
      await run.released(resource);
      return { path };
    },
  };
}

/**
 * A restore never writes into a folder that holds anything.
 * @returns whether the folder was there already
 * @throws AppError notEmpty, storageFailed
 */
export async function assertEmptyFolder(folder: string): Promise<boolean> {
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
