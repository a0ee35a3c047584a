import { AppError, hasCode, messageOf } from '../../shared/errors.ts';
import type { Manifest } from '../../shared/format.ts';
import type { BackupJob } from '../../shared/model/job.ts';
import type { ReadReason } from '../../shared/model/read-reason.ts';
import type { Transform } from '../../shared/model/transform.ts';
import type { VmConfiguration } from '../../shared/model/vm.ts';
import type { ProspectDisk } from '../platforms/platform.ts';
import type { ContentList } from '../repository/content-list.ts';
import { locationOf } from '../../shared/model/storage.ts';
import type { Repository } from '../repository/repository.ts';
import { type OpenPoint, openDisk, openPoint, readConfiguration } from './read-point.ts';

type ManifestDisk = Manifest['disks'][number];

/** A disk in an earlier point of this repository. */
export interface EarlierDisk {
  point: OpenPoint;
  disk: ManifestDisk;
  content: ContentList;
}

/** What the repository and the VM together allow for one disk. */
export interface DiskLineage {
  /** Changes since this one's checkpoint are enough. */
  base: (EarlierDisk & { checkpoint: string }) | undefined;
  /** Its division is kept when everything is read. */
  earlier: EarlierDisk | undefined;
  /** Why there is no base although changes were asked for. */
  reason: ReadReason | null;
}

const checkpointPrefix = 'holdfast-';
/** So many of the newest points are tried when some are gone or damaged. */
const triedPoints = 8;

/** Name of the checkpoint that a backup leaves in the VM. */
export function checkpointName(backupUuid: string): string {
  return checkpointPrefix + backupUuid;
}

/**
 * Finds the base of each disk: lineage is per disk and repository (DESIGN §6). Points are looked for through the
 * checkpoints that are in the VM, so that the VM's own chain decides what is newest, not anybody's clock.
 */
export class Lineage {
  readonly #repository: Repository;
  readonly #job: BackupJob;
  readonly #transform: Transform | null;
  readonly #points = new Map<string, Promise<OpenPoint | undefined>>();
  readonly #configurations = new Map<OpenPoint, Promise<VmConfiguration | undefined>>();

  /** @param transform what the new point will be transformed with */
  constructor(repository: Repository, job: BackupJob, transform: Transform | null) {
    this.#repository = repository;
    this.#job = job;
    this.#transform = transform;
  }

  /** @param sources disks of the VM as the platform sees them now */
  async of(disk: ProspectDisk, sources: readonly ProspectDisk[]): Promise<DiskLineage> {
    const newest = await this.#newest();
    const earlier = newest && (await this.#earlier(newest, disk, sources));
    if (this.#job.type === 'full') return { base: undefined, earlier: earlier?.found, reason: null };
    if (disk.withoutChanges !== null) return { base: undefined, earlier: earlier?.found, reason: disk.withoutChanges };
    const { base, reason } = await this.#base(disk);
    if (base !== undefined) return { base, earlier: base, reason: null };
    // What happened to the disk says more than what happened to its checkpoints.
    const told = newest === undefined ? 'firstPoint' : (earlier?.reason ?? reason);
    return { base: undefined, earlier: earlier?.found, reason: told };
  }

  async #base(disk: ProspectDisk): Promise<{ base: DiskLineage['base']; reason: ReadReason }> {
    let reason: ReadReason = 'checkpointMissing';
    for (const checkpoint of disk.checkpoints) {
      const point = await this.#open(checkpoint.slice(checkpointPrefix.length), null);
      if (point === undefined) {
        reason = 'baseMissing';
        continue;
      }
      const inPoint = point.manifest.disks.find((each) => each.id === disk.id && each.checkpoint === checkpoint);
      if (inPoint === undefined) continue;
      if (this.#job.type === 'differential' && point.manifest.type !== 'full') {
        reason = 'noFullPoint';
        continue;
      }
      if (point.manifest.consistency.reached === 'inconsistent') {
        reason = 'baseInconsistent';
        continue;
      }
      if (!isSameTransform(point.manifest.transform, this.#transform)) {
        reason = 'transformChanged';
        continue;
      }
      const other = await this.#otherImage(point, disk);
      if (other !== undefined) {
        reason = other;
        continue;
      }
      const content = await contentOf(point, inPoint);
      if (content !== undefined) return { base: { point, disk: inPoint, content, checkpoint }, reason };
      reason = 'baseDamaged';
    }
    return { base: undefined, reason };
  }

  /**
   * Why the image is not the one of the point, although it has a bitmap of that name: bitmaps are named after the point, so
   * those of all disks of a VM are called the same, and when images change places each finds a bitmap that is not about it.
   */
  async #otherImage(point: OpenPoint, disk: ProspectDisk): Promise<ReadReason | undefined> {
    const configuration = await this.#configuration(point);
    if (configuration === undefined) return 'baseDamaged';
    const before = configuration.disks.find(({ id }) => id === disk.id);
    if (before?.sourcePath === disk.sourcePath) return undefined;
    return configuration.disks.some(({ sourcePath }) => sourcePath === disk.sourcePath) ? 'diskRenamed' : 'diskAdded';
  }

  #configuration(point: OpenPoint): Promise<VmConfiguration | undefined> {
    const known = this.#configurations.get(point);
    if (known !== undefined) return known;
    const reading = readConfiguration(point).catch((error: unknown) => {
      if (isUnusable(error)) return undefined;
      throw error;
    });
    this.#configurations.set(point, reading);
    return reading;
  }

  /** The disk in the newest point, under its own name or under the one it had then. */
  async #earlier(
    point: OpenPoint,
    disk: ProspectDisk,
    sources: readonly ProspectDisk[],
  ): Promise<{ found: EarlierDisk | undefined; reason: ReadReason | undefined }> {
    const same = point.manifest.disks.find((each) => each.id === disk.id);
    const renamed = same === undefined ? await renamedFrom(point, disk, sources) : undefined;
    const known = same ?? renamed;
    if (known === undefined) return { found: undefined, reason: 'diskAdded' };
    const content = await contentOf(point, known);
    const found = content === undefined ? undefined : { point, disk: known, content };
    return { found, reason: renamed === undefined ? undefined : 'diskRenamed' };
  }

  async #newest(): Promise<OpenPoint | undefined> {
    for (const { backupUuid, snapshotId } of this.#job.points.slice(0, triedPoints)) {
      const point = await this.#open(backupUuid, snapshotId);
      if (point !== undefined) return point;
    }
    return undefined;
  }

  /** A point, or undefined when it is not there or cannot be understood: then something else serves. */
  #open(backupUuid: string, snapshotId: string | null): Promise<OpenPoint | undefined> {
    const known = this.#points.get(backupUuid);
    if (known !== undefined) return known;
    const hint = snapshotId ?? this.#job.points.find((point) => point.backupUuid === backupUuid)?.snapshotId ?? null;
    const address = {
      backupUuid,
      snapshotId: hint,
      objectUuid: this.#job.objectUuid,
      location: locationOf(this.#job.repository.storage),
    };
    const opening = openPoint(this.#repository, address).catch((error: unknown) => {
      if (isUnusable(error)) return undefined;
      throw error;
    });
    this.#points.set(backupUuid, opening);
    return opening;
  }
}

/** Only frames of the same key and cipher can stand in one list; only their blobs can be compared by ID. */
export function isSameTransform(a: Manifest['transform'], b: Manifest['transform']): boolean {
  return a?.cipher === b?.cipher && a?.keyId === b?.keyId;
}

function isUnusable(error: unknown): boolean {
  return hasCode(error, 'backupMissing') || hasCode(error, 'repositoryDamaged') || hasCode(error, 'notFound');
}

/** The list of a disk; undefined when blobs of it are gone or it is not what its manifest says. */
async function contentOf(point: OpenPoint, disk: ManifestDisk): Promise<ContentList | undefined> {
  try {
    return (await openDisk(point, disk)).content;
  } catch (error) {
    if (isUnusable(error)) return undefined;
    throw error;
  }
}

/** The same image under another target name, which nothing else bears now. */
async function renamedFrom(
  point: OpenPoint,
  disk: ProspectDisk,
  sources: readonly ProspectDisk[],
): Promise<ManifestDisk | undefined> {
  if (disk.sourcePath === '') return undefined;
  try {
    const before = (await readConfiguration(point)).disks.find((each) => each.sourcePath === disk.sourcePath);
    if (before === undefined || sources.some((each) => each.id === before.id && each.sourcePath === before.sourcePath))
      return undefined;
    return point.manifest.disks.find((each) => each.id === before.id);
  } catch (error) {
    if (isUnusable(error)) return undefined;
    throw new AppError('repositoryDamaged', `vm.json of backup ${point.manifest.backupUuid}: ${messageOf(error)}`);
  }
}
