import type { Consistency, Quiesce } from '../../shared/model/job.ts';
import type { ReadReason } from '../../shared/model/read-reason.ts';
import type { InventoryObject, VmConfiguration } from '../../shared/model/vm.ts';
import type { Extent, SourceDisk, TargetDisk } from '../disks/disk.ts';

/** One line of `platforms test` or `pools test`. */
export interface Check {
  check: string;
  ok: boolean;
  detail: string;
}

/**
 * What a platform needs of the running job. Whatever would survive a `kill -9` of the agent is announced with
 * `acquired` *before* it is made and struck off with `released` after it is gone (DETAILS 10).
 */
export interface JobScope {
  readonly jobUuid: string;
  readonly signal: AbortSignal;
  acquired(resource: Resource): Promise<void>;
  released(resource: Resource): Promise<void>;
  /** A sentence for the operator that does not fail the job. */
  warn(message: string): void;
}

/** Something that a job made outside the agent's memory; `kind` chooses who can remove it. */
export interface Resource {
  kind: ResourceKind;
  /** Unique together with kind; holds all that is needed to remove it (path, pid and start time, uri and UUID). */
  name: string;
}
export type ResourceKind =
  | 'libvirtJob'
  | 'libvirtCheckpoint'
  | 'libvirtOverlay'
  | 'libvirtDomain'
  | 'process'
  | 'folder'
  | 'file'
  | 'repositoryLock'
  | 'repositoryTemp';

/** A disk as far as it can be told before anything is opened. */
export interface ProspectDisk {
  readonly id: string;
  readonly format: string;
  /** Path of the image as the configuration names it; tells a renamed disk from a new one. */
  readonly sourcePath: string;
  /** Names of our checkpoints from which changes of this disk could be read, newest first in the chain. */
  readonly checkpoints: readonly string[];
  /** Why there can be none, whatever was backed up before; null = there can. */
  readonly withoutChanges: ReadReason | null;
}

/** What the running job asks of the source. */
export interface OpenRequest {
  /** The checkpoint that the point in time shall leave in the VM, where the platform can. */
  readonly checkpoint: CheckpointWish;
  /** By disk id: the checkpoint since which changes are wanted. Disks without an entry are read whole. */
  readonly bases: ReadonlyMap<string, string>;
}

export interface CheckpointWish {
  readonly name: string;
  /** restic's ID: lineage is per disk and repository, and only checkpoints of this repository are ever retired by it. */
  readonly repositoryId: string;
  /** A full point's checkpoint is kept for differential runs until the next full one. */
  readonly full: boolean;
}

/** A VM that was looked at and not touched yet. */
export interface SourceProspect {
  readonly disks: readonly ProspectDisk[];
  /** Takes the point in time. @throws AppError objectBusy, diskMissing, exportFailed, scratchFull, cancelled */
  open(request: OpenRequest): Promise<BackupSource>;
  /** Ends what looking began when it is not going to be opened; no harm afterwards. Call it in every case. */
  close(): Promise<void>;
}

/** A disk at the point in time. */
export interface OpenedDisk {
  readonly disk: SourceDisk;
  /** The checkpoint that the next run can go on from; null = this disk has none. */
  readonly checkpoint: string | null;
  /** What may have changed since the base that was asked for; undefined = read it whole. */
  readonly changes: DiskChanges | undefined;
  /** Why the wanted base could not be used. */
  readonly lost: ReadReason | undefined;
}

export interface DiskChanges {
  /** Where the information comes from, as the manifest says it. */
  readonly source: 'libvirtBitmap' | 'qcow2Bitmap';
  /** Name of the base checkpoint. */
  readonly base: string;
  /** Ordered, gap-free extents over the whole disk; `zero: true` means "clean since the base" here. */
  extents(signal: AbortSignal): AsyncIterable<Extent>;
}

/** How still the guest stood at the point in time. Times are epoch ms. */
export interface ReachedConsistency {
  readonly level: Consistency;
  readonly frozenAt: number | null;
  readonly thawedAt: number | null;
  /** Why less was reached than asked for, with what to do about it; null = nothing is missing. */
  readonly problem: string | null;
}

/** An open VM: its configuration and its disks at one point in time. */
export interface BackupSource {
  readonly configuration: VmConfiguration;
  /** Files of the platform, stored under native/: domain XML, NVRAM. Names of [A-Za-z0-9._-]. */
  readonly nativeFiles: ReadonlyArray<{ name: string; content: Buffer }>;
  readonly disks: readonly OpenedDisk[];
  /** When the point in time was taken, epoch ms. */
  readonly takenAt: number;
  /** Why the source broke under the reader (VM powered off mid-run); undefined while all is well. */
  broken(): string | undefined;
  /** `inconsistent` when the source changed under the reader (a VM started mid-run); final after `release`. */
  consistency(): ReachedConsistency;
  /** True when only `release` can tell the consistency for good: nothing may be concluded before it. */
  readonly settlesOnRelease: boolean;
  /** Ends exports and jobs and removes scratch; the checkpoint stays. Never throws away an error silently: it throws. */
  release(): Promise<void>;
  /**
   * After the point is in the repository: the new checkpoint stays, older ones of the same repository are retired but
   * for the newest full one. What cannot be retired is a warning.
   */
  keepCheckpoint(): Promise<void>;
  /** After a failure: the new checkpoint goes. */
  dropCheckpoint(): Promise<void>;
}

export interface DeployRequest {
  configuration: VmConfiguration;
  /** native/ files of the backup by name. */
  nativeFiles: ReadonlyMap<string, Buffer>;
  /** Wanted name; undefined = the old one, with a numeric suffix when it is taken. */
  name: string | undefined;
  /** Folder for the disks; undefined = the platform's default (DETAILS 29). */
  storage: string | undefined;
  /** How much the restore will write at most, in bytes, when it is known; free space is compared with it. */
  dataBytes?: number | undefined;
}

/** A VM that is being deployed; either `finish` or `rollback` is called exactly once. */
export interface Deployment {
  readonly vmName: string;
  /** Opens the new disk for writing. */
  openDisk(diskId: string): Promise<TargetDisk>;
  /** Registers the VM (and starts it). */
  finish(options: { start: boolean }): Promise<{ vmId: string; vmName: string }>;
  /** Removes everything that was made. */
  rollback(): Promise<void>;
}

/** One registered environment, bound to its settings. */
export interface Platform {
  /** Never throws for a broken environment: it says so in the checks. */
  test(signal: AbortSignal): Promise<Check[]>;
  /** @throws AppError platformUnreachable, programMissing */
  listObjects(signal: AbortSignal): Promise<InventoryObject[]>;
  /**
   * Looks at a VM, and gets ready to let its guest stand still as asked.
   * @throws AppError objectVanished, diskMissing, diskUnsupported, objectBusy, exportFailed, programMissing
   */
  inspect(objectUuid: string, scope: JobScope, quiesce: Quiesce): Promise<SourceProspect>;
  /** Checks everything at once, then creates empty disks. @throws AppError deployImpossible naming every problem */
  prepareDeploy(request: DeployRequest, scope: JobScope): Promise<Deployment>;
  /** Thaws the guest of a VM. @throws AppError unsupported, guestAgentFailed, objectVanished */
  thaw(objectUuid: string, signal: AbortSignal): Promise<void>;
}
