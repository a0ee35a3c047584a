import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { AppError, hasCode } from '../../../shared/errors.ts';
import { note, printObject } from '../../../shared/node/print.ts';
import { writeError } from '../../disks/file-errors.ts';
import { TargetFile } from '../../disks/target-file.ts';
import { assertEmptyFolder } from '../../jobs/restore-folder.ts';
import type { OpenSnapshot, SnapshotEntry } from '../../repository/open-snapshot.ts';
import type { Snapshot } from '../../repository/snapshot-file.ts';
import { assertRoom } from './free-space.ts';
import type { Opened } from './open.ts';
import { Progress } from './progress.ts';

interface Found {
  files: Array<{ from: string; to: string; sizeBytes: number }>;
  folders: string[];
  /** Links, devices and the like. */
  skipped: string[];
}

/**
 * Writes a file or folder of any snapshot into an absent or empty folder: content only, no owners, rights and times.
 * @throws AppError notFound, notEmpty, storageFull, repositoryDamaged, storage errors, cancelled
 */
export async function restorePath(
  { repository, signal }: Opened,
  snapshot: Snapshot,
  path: string,
  to: string,
): Promise<void> {
  const opened = await repository.openSnapshot(snapshot);
  const found = await collect(opened, posix.resolve('/', path), to, signal);
  const sizeBytes = found.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const existed = await assertEmptyFolder(to);
  try {
    await mkdir(to, { recursive: true, mode: 0o700 });
    for (const folder of found.folders) await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const file of found.files) await writeFile(opened, file, signal);
  } catch (error) {
    for (const name of await readdir(to).catch(() => [])) await rm(join(to, name), { recursive: true, force: true });
    if (!existed) await rm(to, { recursive: true, force: true });
    throw error instanceof AppError ? error : writeError(to, error);
  }
  if (found.skipped.length > 0)
    note(`Links and devices are left out: ${found.skipped.length}, the first one is ${found.skipped[0] ?? ''}.`);
  printObject({
    path: to,
    snapshotId: snapshot.id,
    files: found.files.length,
    sizeBytes,
    skipped: found.skipped.length,
  });
}

/** Walks from the path down; every name is checked, since it becomes part of a path here. */
async function collect(snapshot: OpenSnapshot, path: string, to: string, signal: AbortSignal): Promise<Found> {
  const found: Found = { files: [], folders: [], skipped: [] };
  const visit = async (entry: SnapshotEntry, from: string, target: string): Promise<void> => {
    signal.throwIfAborted();
    if (entry.type === 'file') found.files.push({ from, to: target, sizeBytes: entry.sizeBytes });
    else if (entry.type !== 'dir') found.skipped.push(from);
    else {
      found.folders.push(target);
      await children(from, target);
    }
  };
  const children = async (from: string, target: string): Promise<void> => {
    for (const entry of await snapshot.listFolder(from)) {
      if (/^\.{0,2}$|[/\0]/u.test(entry.name))
        throw new AppError('repositoryDamaged', `the snapshot has a file called ${JSON.stringify(entry.name)}`);
      await visit(entry, posix.join(from, entry.name), join(target, entry.name));
    }
  };
  if (path === '/') await children('/', to);
  else {
    const entry = await entryOf(snapshot, path);
    await visit(entry, path, join(to, basename(path)));
  }
  return found;
}

/** @throws AppError notFound naming what is beside it */
async function entryOf(snapshot: OpenSnapshot, path: string): Promise<SnapshotEntry> {
  const folder = posix.dirname(path);
  const entries = await snapshot.listFolder(folder).catch((error: unknown) => {
    if (hasCode(error, 'notFound'))
      throw new AppError('notFound', error.message, { field: '--path', hint: 'Look from the top: --path /.' });
    throw error;
  });
  const entry = entries.find(({ name }) => name === basename(path));
  if (entry !== undefined) return entry;
  const names = entries.slice(0, 20).map(({ name }) => name);
  throw new AppError('notFound', `the snapshot has no ${path}`, {
    field: '--path',
    hint: `${folder} holds: ${names.join(', ')}.`.replace(/\p{Cc}/gu, '�'),
  });
}

async function writeFile(
  snapshot: OpenSnapshot,
  { from, to, sizeBytes }: Found['files'][number],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  // restic stores no list for an empty file.
  const content = sizeBytes === 0 ? undefined : await snapshot.fileContent(from);
  if (content !== undefined) await assertRoom(to, content.nonZeroBytes());
  const sink = await TargetFile.create(to, sizeBytes);
  const progress = new Progress(from);
  try {
    if (content !== undefined) await snapshot.restoreFile(from, sink, { signal, onProgress: progress.update }, content);
  } finally {
    progress.end();
    await sink.close();
  }
}
