import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AppError, hasCode } from '../../../shared/errors.ts';
import { type UnpackFormat, unpackFormats } from '../../../shared/model/job.ts';
import { note, printObject } from '../../../shared/node/print.ts';
import { choiceOf } from '../../../shared/option-values.ts';
import {
  type OpenPoint,
  openDisks,
  openPoint,
  readFiles,
  readSignature,
  type RestorePoint,
} from '../../jobs/read-point.ts';
import { restoreFolder } from '../../jobs/restore-folder.ts';
import type { RestoreTarget } from '../../jobs/restore-target.ts';
import type { JobScope } from '../../platforms/platform.ts';
import type { Snapshot } from '../../repository/snapshot-file.ts';
import { findPoint } from './find-point.ts';
import { assertRoom } from './free-space.ts';
import { type Opened, type OpenFlags, withRepository } from './open.ts';
import { type PointTags, tagsOf } from '../../jobs/point-tags.ts';
import { nameOf } from './points.ts';
import { Progress } from './progress.ts';
import { restorePath } from './restore-path.ts';

export interface RestoreFlags extends OpenFlags {
  backup: string;
  to: string;
  disk?: string[];
  path?: string;
  format: string;
}

type Disks = RestorePoint['disks'];

/** `repo restore`: a backup into a folder, or with --path anything that a snapshot holds. */
export async function restore(flags: RestoreFlags): Promise<void> {
  const format = choiceOf(unpackFormats, flags.format, '--format');
  if (flags.path !== undefined && (flags.disk !== undefined || format !== 'raw'))
    throw new AppError('invalidValue', '--path writes files as they are: leave out --disk and --format', {
      field: '--path',
    });
  const to = resolve(flags.to);
  await withRepository(flags, async (opened) => {
    await opened.locked(async () => {
      const snapshot = await findPoint(opened.repository, flags.backup);
      note(`Restoring ${nameOf(snapshot)} from ${opened.location} to ${to}.`);
      if (flags.path !== undefined) return restorePath(opened, snapshot, flags.path, to);
      const tags = tagsOf(snapshot);
      if (tags === undefined) throw notOurs(snapshot);
      return restoreVm(opened, snapshot, tags, { to, format, disks: flags.disk });
    });
  });
}

function notOurs({ id, paths }: Snapshot): AppError {
  const message = `snapshot ${id.slice(0, 8)} is not a Holdfast point: it holds ${paths.join(', ')}`;
  const hint = 'Name a file or folder inside it with --path; --path / takes everything.';
  return new AppError('invalidValue', message, { field: '--backup', hint });
}

interface Wanted {
  to: string;
  format: UnpackFormat;
  disks: readonly string[] | undefined;
}

async function restoreVm(opened: Opened, snapshot: Snapshot, tags: PointTags, wanted: Wanted): Promise<void> {
  const { repository, location, signal } = opened;
  const point = await readAll({ repository, snapshot, tags, location });
  const disks = chosen(point.disks, wanted.disks);
  const total = disks.reduce((sum, { content }) => sum + content.nonZeroBytes(), 0);
  await assertRoom(wanted.to, total);
  // Made when the first socket is needed.
  const sockets = join(tmpdir(), `holdfast-${randomBytes(6).toString('hex')}`);
  try {
    const request = {
      target: { path: wanted.to, format: wanted.format },
      objectUuid: tags.objectUuid,
      roots: { run: sockets },
    };
    const target = await restoreFolder(request, { files: point.files, disks }, scopeOf(signal));
    await fill(target, point, disks, signal);
    const { backupUuid, objectUuid, vm } = tags;
    const path = join(wanted.to, objectUuid);
    const written = disks.map(({ id, sizeBytes }) => ({
      id,
      sizeBytes,
      path: join(path, 'disks', id, `disk.${wanted.format}`),
    }));
    if (point.signed) note('Hashes are right. The signature was not checked: its key is with the manager.');
    else note('Hashes are right. The backup is not signed.');
    printObject({ path, backupUuid, vm, snapshotId: snapshot.id, signed: point.signed, disks: written });
  } finally {
    await rm(sockets, { recursive: true, force: true });
  }
}

async function fill(
  target: RestoreTarget,
  { snapshot }: Pick<OpenPoint, 'snapshot'>,
  disks: Disks,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (const disk of disks) {
      const progress = new Progress(`disk ${disk.id}`);
      const sink = await target.openDisk(disk.id);
      try {
        await snapshot.restoreFile(disk.path, sink, { signal, onProgress: progress.update }, disk.content);
      } finally {
        progress.end();
        await sink.close();
      }
    }
    await target.finish();
  } catch (error) {
    await target.rollback();
    throw error;
  }
}

/** What is checked before a byte is written: manifest, small files, lists of the disks. */
async function readAll({
  repository,
  snapshot,
  tags,
  location,
}: Pick<Opened, 'repository' | 'location'> & { snapshot: Snapshot; tags: PointTags }) {
  try {
    const point = await openPoint(repository, { ...tags, snapshotId: snapshot.id, location });
    const files = await readFiles(point);
    const signature = await readSignature(point);
    files.set('manifest.json', point.manifestBytes);
    if (signature !== undefined) files.set('manifest.sig', signature);
    return { snapshot: point.snapshot, files, disks: await openDisks(point), signed: signature !== undefined };
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged') && !hasCode(error, 'notFound')) throw error;
    const hint = `What can still be read comes out by itself, for example: --path /vm/${tags.objectUuid}/disks/ID/disk.raw. See also: repo check --backup.`;
    throw new AppError(error.code, error.message, { hint, cause: error.cause });
  }
}

/** @throws AppError notFound naming what there is */
function chosen(disks: Disks, wanted: readonly string[] | undefined): Disks {
  const missing = wanted?.find((id) => !disks.some((disk) => disk.id === id));
  if (missing !== undefined) {
    const hint = `It has: ${disks.map(({ id }) => id).join(', ')}.`;
    throw new AppError('notFound', `the backup has no disk ${missing}`, { field: '--disk', hint });
  }
  return disks.filter(({ id }) => wanted?.includes(id) ?? true);
}

/** No agent, so no journal: a killed run leaves a folder with the mark `.holdfast-restore-…` in it. */
function scopeOf(signal: AbortSignal): JobScope {
  const nothing = async () => undefined;
  return { jobUuid: randomUUID(), signal, acquired: nothing, released: nothing, warn: note };
}
