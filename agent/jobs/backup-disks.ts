import { AppError } from '../../shared/errors.ts';
import type { BackupJob, TaskDisk } from '../../shared/model/job.ts';
import type { ReadReason } from '../../shared/model/read-reason.ts';
import type { BackupSource, OpenedDisk } from '../platforms/platform.ts';
import { cellBytesFor } from '../repository/disk-cells.ts';
import type { DiskPlan } from '../repository/disk-plan.ts';
import type { WrittenDisk } from '../repository/disk-writer.ts';
import type { SnapshotWriter } from '../repository/snapshot-writer.ts';
import type { JobRun } from './job-run.ts';
import type { DiskLineage, EarlierDisk } from './lineage.ts';

/** How one disk is read, and why. */
export interface DiskWay {
  mode: 'full' | 'incremental' | 'differential';
  reason: ReadReason | null;
  /** Point whose list unread ranges come from; null = everything was read. */
  base: EarlierDisk | null;
  changeSource: string | null;
  checkpoint: string | null;
}

export interface CopiedDisk {
  id: string;
  format: string;
  way: DiskWay;
  written: WrittenDisk;
}

export interface CopyParts {
  job: BackupJob;
  run: JobRun;
  source: BackupSource;
  writer: SnapshotWriter;
  lineage: ReadonlyMap<string, DiskLineage>;
}

interface PlannedDisk {
  opened: OpenedDisk;
  way: DiskWay;
  plan: DiskPlan;
  figures: TaskDisk;
}

/** Plans all disks, so that the whole plan is known before the first byte is read, then copies them one by one. */
export async function copyDisks(parts: CopyParts): Promise<CopiedDisk[]> {
  const { run, source, writer } = parts;
  await run.enter('queryingChanges');
  const planned: PlannedDisk[] = [];
  for (const opened of source.disks) planned.push(await planOf(parts, opened));
  run.disks = planned.map(({ figures }) => figures);
  run.bytesTotal = sum(planned.map(({ plan }) => plan.plannedBytes));
  await run.enter(parts.job.reread ? 'checkingData' : 'copyingData');
  const copied: CopiedDisk[] = [];
  for (const { opened, way, plan, figures } of planned) {
    const { disk } = opened;
    const written = await writer.writeDisk(disk, plan, {
      onProgress: ({ bytesRead, zeroBytes, bytesStored }) => {
        Object.assign(figures, { bytesRead, zeroBytes, bytesStored });
        addUp(run);
      },
    });
    const { bytesRead, zeroBytes, bytesStored } = written;
    Object.assign(figures, { bytesRead, zeroBytes, bytesStored });
    addUp(run);
    tellDifferences(run, disk.id, written, way);
    copied.push({ id: disk.id, format: disk.format, way, written });
  }
  return copied;
}

async function planOf({ job, run, writer, lineage }: CopyParts, opened: OpenedDisk): Promise<PlannedDisk> {
  const { disk, changes } = opened;
  const known = lineage.get(disk.id) ?? { base: undefined, earlier: undefined, reason: null };
  const usable = sameSize(known.base, disk.sizeBytes);
  const resized = known.base !== undefined && usable === undefined;
  const base = changes !== undefined && usable !== undefined && !resized ? usable : undefined;
  const reason = resized ? 'diskResized' : (opened.lost ?? known.reason);
  const earlier = sameSize(base ?? known.earlier, disk.sizeBytes);
  const cellBytes = base?.disk.cellBytes ?? job.write.cellBytes ?? cellBytesFor(disk.sizeBytes);
  const plan = await writer.planDisk(disk, {
    cellBytes,
    // Another grid has no division to keep.
    ...(earlier === undefined || earlier.disk.cellBytes !== cellBytes ? {} : { parent: earlier.content }),
    ...(base === undefined || changes === undefined ? {} : { changed: changes.extents(run.signal), audit: job.reread }),
  });
  const mode = base === undefined || job.reread ? 'full' : job.type;
  const way: DiskWay = {
    mode,
    reason: base === undefined ? (reason ?? null) : job.reread ? 'reread' : null,
    base: base ?? null,
    changeSource: base === undefined ? null : (changes?.source ?? null),
    checkpoint: opened.checkpoint,
  };
  const figures: TaskDisk = {
    id: disk.id,
    mode,
    reason: way.reason,
    baseBackupUuid: base?.point.manifest.backupUuid ?? null,
    plannedBytes: plan.plannedBytes,
    bytesRead: 0,
    zeroBytes: 0,
    bytesStored: 0,
  };
  return { opened, way, plan, figures };
}

function sameSize<T extends EarlierDisk>(earlier: T | undefined, sizeBytes: number): T | undefined {
  return earlier?.content.sizeBytes === sizeBytes ? earlier : undefined;
}

/** What a reread finds is an alarm: increments since that base may lack these ranges (DESIGN §6). */
function tellDifferences(run: JobRun, id: string, written: WrittenDisk, way: DiskWay): void {
  const [first] = written.differences;
  if (first === undefined) return;
  if (way.base === null) throw new AppError('internal', `disk ${id} was compared with nothing`);
  run.warn(
    `disk ${id} differs from backup ${way.base.point.manifest.backupUuid} in ${written.differenceCount} ranges that the change information called clean, first ${first.length} bytes at ${first.offset}: points since then may be wrong there, this one is right`,
  );
}

function addUp(run: JobRun): void {
  run.bytesRead = sum(run.disks.map((disk) => disk.bytesRead));
  run.bytesDone = Math.min(run.bytesRead, run.bytesTotal ?? 0);
  run.bytesStored = sum(run.disks.map((disk) => disk.bytesStored));
  run.report();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
