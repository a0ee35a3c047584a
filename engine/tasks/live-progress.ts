import type { TaskProgress } from '../../shared/contract/notice.ts';
import type { JobProgress } from '../../shared/model/job.ts';
import type { TaskState } from '../../shared/model/task.ts';
import type { TaskRow } from '../database/task-row.ts';

/** Speed is measured over this window. */
const windowMs = 5000;

interface Live {
  progress: JobProgress;
  samples: Array<{ at: number; bytes: number }>;
}

/** Percent of the plan; null while it is unknown: never an estimate (DETAILS 27). */
export function percentOf(state: TaskState, bytesDone: number, bytesTotal: number | null): number | null {
  if (state === 'done' || state === 'warning') return 100;
  if (bytesTotal === null) return null;
  return bytesTotal === 0 ? 0 : Math.min(100, Math.round((bytesDone / bytesTotal) * 1000) / 10);
}

/** The newest figures of running tasks, in memory only (DESIGN §4: progress is its own topic). */
export class LiveProgress {
  private readonly tasks = new Map<number, Live>();

  update(taskId: number, progress: JobProgress): void {
    const now = Date.now();
    const live = this.tasks.get(taskId);
    const samples = (live?.samples ?? []).filter((sample) => now - sample.at <= windowMs);
    if (live === undefined || live.progress.step !== progress.step) samples.length = 0;
    samples.push({ at: now, bytes: progress.bytesDone });
    this.tasks.set(taskId, { progress, samples });
  }

  /** Backups that a task's disks name as their base. */
  basesOf(task: TaskRow): string[] {
    const disks = this.tasks.get(task.id)?.progress.disks ?? task.disks;
    return disks.flatMap((disk) => disk.baseBackupUuid ?? []);
  }

  forget(taskId: number): void {
    this.tasks.delete(taskId);
  }

  /** Percent of a task's plan, live where it runs. */
  percent(task: TaskRow): number | null {
    const source = this.tasks.get(task.id)?.progress ?? task;
    return percentOf(task.state, source.bytesDone, source.bytesTotal);
  }

  /**
   * What consoles show: live figures where there are some, else the stored ones.
   * @param backupIds numbers of the backups that disks name as their base
   */
  viewOf(task: TaskRow, backupIds: ReadonlyMap<string, number>): TaskProgress {
    const live = this.tasks.get(task.id);
    const source = live?.progress ?? { ...task, step: task.step };
    const speed = live === undefined ? null : speedOf(live.samples);
    const left =
      source.bytesTotal === null || speed === null || speed === 0
        ? null
        : (source.bytesTotal - source.bytesDone) / speed;
    return {
      id: task.id,
      state: task.state,
      step: source.step,
      percent: this.percent(task),
      bytesTotal: source.bytesTotal,
      bytesDone: source.bytesDone,
      bytesRead: source.bytesRead,
      bytesStored: source.bytesStored,
      speedBytesPerSecond: speed,
      secondsLeft: left === null ? null : Math.max(0, Math.round(left)),
      disks: source.disks.map(({ baseBackupUuid, ...disk }) => ({
        ...disk,
        baseBackupId: baseBackupUuid === null ? null : (backupIds.get(baseBackupUuid) ?? null),
      })),
    };
  }
}

function speedOf(samples: Live['samples']): number | null {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < 500) return null;
  return Math.max(0, Math.round(((last.bytes - first.bytes) * 1000) / (last.at - first.at)));
}
