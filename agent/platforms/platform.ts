import type { InventoryObject, VmConfiguration } from '../../shared/model/vm.ts';
import type { SourceDisk, TargetDisk } from '../disks/disk.ts';

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
  | 'libvirtDomain'
  | 'process'
  | 'folder'
  | 'file'
  | 'repositoryLock'
  | 'repositoryTemp';

/** An open VM: its configuration and its disks at one point in time. */
export interface BackupSource {
  readonly configuration: VmConfiguration;
  /** Files of the platform, stored under native/: domain XML, NVRAM. Names of [A-Za-z0-9._-]. */
  readonly nativeFiles: ReadonlyArray<{ name: string; content: Buffer }>;
  readonly disks: readonly SourceDisk[];
  /** When the point in time was taken, epoch ms. */
  readonly takenAt: number;
  /** Why the source broke under the reader (VM powered off mid-run); undefined while all is well. */
  broken(): string | undefined;
  /** False when the source changed under the reader (a VM started mid-run); final after `release`. */
  consistent(): boolean;
  /** Ends exports and jobs and removes scratch. Never throws away an error silently: it throws. */
  release(): Promise<void>;
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
  /** @throws AppError objectVanished, diskMissing, diskUnsupported, objectBusy, exportFailed, programMissing */
  openSource(objectUuid: string, scope: JobScope): Promise<BackupSource>;
  /** Checks everything at once, then creates empty disks. @throws AppError deployImpossible naming every problem */
  prepareDeploy(request: DeployRequest, scope: JobScope): Promise<Deployment>;
}
