import { bytes, note, printObject } from '../../../shared/node/print.ts';
import { percentOf } from '../../../shared/option-values.ts';
import type { RepositoryLock } from '../../repository/lock.ts';
import type { CheckError } from '../../repository/maintenance/check.ts';
import type { ReadData } from '../../repository/maintenance/check-data.ts';
import type { Repository } from '../../repository/repository.ts';
import { findPoint } from './find-point.ts';
import { type Opened, type OpenFlags, withRepository } from './open.ts';
import { nameOf } from './points.ts';
import { Progress } from './progress.ts';

export interface CheckFlags extends OpenFlags {
  readData?: boolean;
  sample?: string;
  backup?: string;
}

const mostShown = 20;
const mostNames = 5;

/** `repo check`: exit code 1 when anything is damaged, with what it hits. */
export async function check(flags: CheckFlags): Promise<void> {
  const readData = readDataOf(flags);
  await withRepository(flags, async (opened) => {
    const { backup } = flags;
    if (backup !== undefined) return opened.locked((lock) => checkPoint(opened, lock, backup), { settleLater: true });
    await opened.locked((lock) => checkAll(opened, lock, readData), { settleLater: true, withoutIndex: true });
  });
}

function readDataOf({ readData, sample }: CheckFlags): ReadData {
  if (readData === true) return 'all';
  return sample === undefined ? 'none' : { samplePercent: percentOf(sample, '--sample') };
}

async function checkAll({ repository, signal }: Opened, lock: RepositoryLock, readData: ReadData): Promise<void> {
  const progress = new Progress('packs read');
  const { ok, errors, errorCount } = await repository
    .maintenance(lock)
    .check({ readData, signal, onProgress: progress.update })
    .finally(() => progress.end());
  await lock.settled;
  const names = ok ? new Map<string, string>() : await namesOf(repository);
  for (const error of errors.slice(0, mostShown)) note(describe(error, names));
  if (errorCount > mostShown) note(`… and ${errorCount - mostShown} more.`);
  note(ok ? verdict(readData) : advice(errors));
  printObject({ ok, errorCount, errors });
  process.exitCode = ok ? 0 : 1;
}

function verdict(readData: ReadData): string {
  if (readData === 'all') return 'Everything was read and is right.';
  const part = readData === 'none' ? 'No pack was read' : 'Only a part of the packs was read';
  return `Nothing is missing. ${part}: --read-data reads them all.`;
}

function advice(errors: readonly CheckError[]): string {
  const kinds = new Set(errors.map(({ kind }) => kind));
  if (kinds.has('indexDamaged') && kinds.size === 1) return 'The packs may be whole: repo rebuild-index.';
  return 'Do not prune. Points that are not named above can be restored: repo list.';
}

async function namesOf(repository: Repository): Promise<Map<string, string>> {
  const snapshots = await repository.listSnapshots(() => undefined);
  return new Map(snapshots.map((snapshot) => [snapshot.id, nameOf(snapshot)]));
}

function describe({ kind, message, snapshots, path, offset, length }: CheckError, names: Map<string, string>): string {
  if (snapshots.length === 0) return `${kind}: ${message}`;
  const shown = snapshots.slice(0, mostNames).map((id) => names.get(id) ?? id.slice(0, 8));
  const more = snapshots.length > mostNames ? ` and ${snapshots.length - mostNames} more` : '';
  const range = length === undefined ? '' : `, ${bytes(length)} at ${offset ?? 0}`;
  return `${kind}: ${message}\n  hits ${shown.join('; ')}${more}: ${path ?? '/'}${range}`.replace(
    /(?!\n)\p{Cc}/gu,
    '�',
  );
}

async function checkPoint({ repository, signal }: Opened, lock: RepositoryLock, ref: string): Promise<void> {
  const snapshot = await findPoint(repository, ref);
  const progress = new Progress(nameOf(snapshot));
  const { ok, errors } = await repository
    .maintenance(lock)
    .verifyPoint(snapshot, { signal, onProgress: progress.update })
    .finally(() => progress.end());
  await lock.settled;
  for (const { kind, path, offset, length } of errors.slice(0, mostShown))
    note(`${kind}: ${path}, ${bytes(length)} at ${offset}`);
  note(`${nameOf(snapshot)}: ${ok ? 'everything was read and is right.' : 'it is damaged.'}`);
  printObject({ snapshotId: snapshot.id, ok, errors });
  process.exitCode = ok ? 0 : 1;
}
