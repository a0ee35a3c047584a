import type { JobScope, OpenedDisk, OpenRequest, ReachedConsistency } from '../platform.ts';
import type { Roots } from '../roots.ts';
import type { CheckpointList } from './checkpoints/list.ts';
import type { NewCheckpoint } from './checkpoints/new-checkpoint.ts';
import type { Domain, DomainDisk } from './domain.ts';
import type { GuestFreeze } from './guest/guest-freeze.ts';
import type { Virsh } from './virsh.ts';

/** All that is needed to open the disks of a domain. */
export interface Opening {
  readonly virsh: Virsh;
  readonly domain: Domain;
  /** Disks to read. */
  readonly chosen: readonly DomainDisk[];
  /** Checkpoints as they were when the domain was looked at. */
  readonly checkpoints: CheckpointList;
  /** Targets whose changes can be tracked. */
  readonly trackable: readonly string[];
  readonly request: OpenRequest;
  /** Ready to let the guest stand still; whoever opens the disks closes it. */
  readonly freeze: GuestFreeze;
  readonly roots: Roots;
  readonly scope: JobScope;
}

/** Disks at one point in time, whichever way they are read. */
export interface OpenDisks {
  readonly disks: readonly OpenedDisk[];
  /** epoch ms */
  readonly takenAt: number;
  readonly settlesOnRelease: boolean;
  /** undefined where this way makes none. */
  readonly checkpoint: NewCheckpoint | undefined;
  broken(): string | undefined;
  consistency(): ReachedConsistency;
  release(): Promise<void>;
}
