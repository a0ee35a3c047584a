import { hasCode, messageOf } from '../../../shared/errors.ts';
import { bytes, isJson, note, printRows, time } from '../../../shared/node/print.ts';
import { openPoint } from '../../jobs/read-point.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Snapshot } from '../../repository/snapshot-file.ts';
import { TaskGroup } from '../../repository/task-group.ts';
import { type Opened, type OpenFlags, withRepository } from './open.ts';
import { tagsOf } from '../../jobs/point-tags.ts';

const notOurs = 'not a Holdfast point';
const readAtOnce = 8;

interface Row {
  snapshotId: string;
  /** Null for snapshots of other programs. */
  backupUuid: string | null;
  objectUuid: string | null;
  vm: string | null;
  type: string | null;
  /** Epoch ms. */
  time: number;
  hostname: string;
  paths: string[];
  /** Null where they could not be read. */
  sizeBytes: number | null;
  disks: Array<{ id: string; sizeBytes: number }> | null;
  /** Why it cannot be restored as a VM; null when it can. */
  problem: string | null;
}

/** `repo list`: what can be restored, oldest first. Snapshots of other programs are shown too. */
export async function list(flags: OpenFlags & { vm?: string }): Promise<void> {
  await withRepository(flags, async (opened) => {
    const rows = await readRows(opened);
    print(
      flags.vm === undefined ? rows : rows.filter(({ vm, objectUuid }) => [vm, objectUuid].includes(flags.vm ?? '')),
    );
  });
}

async function readRows({ repository, location, signal, locked }: Opened): Promise<Row[]> {
  const damaged: Row[] = [];
  const snapshots = await locked(
    () => repository.listSnapshots((id, error) => damaged.push(damagedRow(id, messageOf(error)))),
    { withoutIndex: true },
  );
  const rows = snapshots.map(rowOf);
  try {
    await locked(() => readManifests(repository, rows, location, signal));
  } catch (error) {
    // The list must come even when the index is broken: it tells what there is to save.
    if (!hasCode(error, 'repositoryDamaged')) throw error;
    note(`Sizes are not known: ${messageOf(error)}. See: repo check; repo rebuild-index.`);
  }
  return [...rows, ...damaged];
}

async function readManifests(repository: Repository, rows: Row[], location: string, signal: AbortSignal) {
  const reads = new TaskGroup(readAtOnce, signal);
  try {
    for (const row of rows) await reads.start(() => readManifest(repository, row, location));
  } finally {
    await reads.settle();
  }
  await reads.finish();
}

async function readManifest(repository: Repository, row: Row, location: string): Promise<void> {
  const { backupUuid, objectUuid, snapshotId } = row;
  if (backupUuid === null || objectUuid === null) return;
  try {
    const { manifest } = await openPoint(repository, { backupUuid, objectUuid, snapshotId, location });
    row.disks = manifest.disks.map(({ id, sizeBytes }) => ({ id, sizeBytes }));
    row.sizeBytes = row.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  } catch (error) {
    if (!hasCode(error, 'repositoryDamaged') && !hasCode(error, 'backupMissing') && !hasCode(error, 'notFound'))
      throw error;
    row.problem = messageOf(error);
  }
}

function rowOf(snapshot: Snapshot): Row {
  const { id: snapshotId, time: at, hostname, paths } = snapshot;
  const common = { snapshotId, time: at, hostname, paths, sizeBytes: null, disks: null };
  const tags = tagsOf(snapshot);
  if (tags !== undefined) return { ...common, ...tags, problem: null };
  return { ...common, backupUuid: null, objectUuid: null, vm: null, type: null, problem: notOurs };
}

function damagedRow(snapshotId: string, problem: string): Row {
  const unknown = { backupUuid: null, objectUuid: null, vm: null, type: null, sizeBytes: null, disks: null };
  return { snapshotId, ...unknown, time: 0, hostname: '', paths: [], problem };
}

function print(rows: readonly Row[]): void {
  printRows(rows, [
    ['SNAPSHOT', (row) => row.snapshotId.slice(0, 8)],
    ['BACKUP', (row) => row.backupUuid],
    ['VM', (row) => row.vm],
    ['TIME', (row) => (row.time === 0 ? '' : time(row.time))],
    ['TYPE', (row) => row.type],
    ['SIZE', (row) => bytes(row.sizeBytes)],
    ['DISKS', (row) => row.disks?.map(({ id }) => id).join(' ')],
    ['NOTE', (row) => noteOf(row)],
  ]);
  if (!isJson() && rows.length > 0)
    note('Restore with: repo restore --backup BACKUP --to FOLDER, and the same --repo.');
}

function noteOf({ problem, hostname, paths }: Row): string {
  return problem === notOurs ? `${problem}: ${hostname} ${paths.join(' ')}` : (problem ?? '');
}
