/**
 * What disks need of the running job: whatever would outlive a killed agent is announced before or at its making and
 * struck off after it is gone. The platforms' JobScope fulfils it; disks do not know platforms.
 */
export interface DiskScope {
  readonly signal: AbortSignal;
  acquired(resource: DiskResource): Promise<void>;
  released(resource: DiskResource): Promise<void>;
}

export interface DiskResource {
  kind: 'process' | 'file';
  name: string;
}
