import type { RestoreResult } from '../../shared/model/job.ts';
import type { TargetDisk } from '../disks/disk.ts';

/** Where the disks of a restore go: an unpack directory or a new VM. */
export interface RestoreTarget {
  openDisk(diskId: string): Promise<TargetDisk>;
  finish(): Promise<RestoreResult>;
  /** Removes everything that was made. */
  rollback(): Promise<void>;
}
