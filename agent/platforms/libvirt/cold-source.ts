import { messageOf } from '../../../shared/errors.ts';
import type { OpenedDisk, ReachedConsistency } from '../platform.ts';
import { SocketFolder } from '../roots.ts';
import { restoreBases, unknownBases } from './bases.ts';
import { makeColdCheckpoint } from './checkpoints/cold.ts';
import { NewCheckpoint } from './checkpoints/new-checkpoint.ts';
import { openColdDisk, readable } from './cold-disk.ts';
import { ColdWatch, fileStamp } from './cold-watch.ts';
import type { Shutdown } from './shutdown.ts';
import { hasSavedState, readShutdown } from './shutdown.ts';
import type { OpenDisks, Opening } from './opening.ts';

/**
 * Disks of a domain that is shut off, read from their files. Starting the VM is not prevented, only noticed. Changes come
 * from the bitmaps in the images.
 */
export class ColdDisks implements OpenDisks {
  readonly disks: readonly OpenedDisk[];
  readonly takenAt: number;
  /** Whether the VM was started meanwhile is looked at for the last time then. */
  readonly settlesOnRelease = true;
  readonly checkpoint: NewCheckpoint;
  readonly #watch: ColdWatch;
  readonly #sockets: SocketFolder;
  readonly #reached: Shutdown;

  private constructor(parts: {
    disks: readonly OpenedDisk[];
    takenAt: number;
    checkpoint: NewCheckpoint;
    watch: ColdWatch;
    sockets: SocketFolder;
    reached: Shutdown;
  }) {
    this.disks = parts.disks;
    this.takenAt = parts.takenAt;
    this.checkpoint = parts.checkpoint;
    this.#watch = parts.watch;
    this.#sockets = parts.sockets;
    this.#reached = parts.reached;
  }

  /** @throws AppError objectBusy, diskMissing, diskUnsupported, diskReadFailed, programMissing, cancelled */
  static async open(wanted: Opening): Promise<ColdDisks> {
    const { virsh, domain, chosen, request, roots, scope, freeze } = wanted;
    await freeze.close();
    for (const disk of chosen) readable(disk);
    const reached = await readShutdown(virsh, domain.uuid, scope.signal);
    const tracked = await trackedDisks(wanted);
    const opening = await restoreBases(wanted);
    const sockets = new SocketFolder(roots.run, scope);
    const checkpoint = await NewCheckpoint.announce({ ...opening, wish: request.checkpoint }, tracked);
    checkpoint.orphans = [...unknownBases(opening)];
    const disks: OpenedDisk[] = [];
    try {
      // Before anything is read: what is written from now on is in the new bitmap.
      checkpoint.disks = await makeColdCheckpoint(opening, tracked);
      const takenAt = Date.now();
      const stamps = new Map<string, bigint>();
      for (const { path } of chosen) if (path !== undefined) stamps.set(path, await fileStamp(path));
      for (const disk of chosen) disks.push(await openColdDisk(opening, disk, checkpoint, sockets));
      checkpoint.foundBroken = disks.some(({ lost }) => lost !== undefined);
      const watch = new ColdWatch(virsh, domain, stamps, scope);
      return new ColdDisks({ disks, takenAt, checkpoint, watch, sockets, reached });
    } catch (error) {
      const failures = [...(await closeAll(disks, sockets))];
      await checkpoint.drop().catch((second: unknown) => failures.push(second));
      for (const failure of failures) scope.warn(`while undoing: ${messageOf(failure)}`);
      throw error;
    }
  }

  /** A VM that was started makes the copy inconsistent, which is a warning and no failure. */
  broken(): string | undefined {
    return undefined;
  }

  consistency(): ReachedConsistency {
    const { changed } = this.#watch;
    const { level, problem } = this.#reached;
    return changed === undefined
      ? { level, frozenAt: null, thawedAt: null, problem }
      : { level: 'inconsistent', frozenAt: null, thawedAt: null, problem: changed };
  }

  async release(): Promise<void> {
    await this.#watch.end();
    const [failure] = await closeAll(this.disks, this.#sockets);
    if (failure !== undefined) throw failure;
  }
}

/** A machine that will go on from its memory must find its images as it left them: it gets no new checkpoint. */
async function trackedDisks({ virsh, domain, trackable, scope }: Opening): Promise<readonly string[]> {
  if (!(await hasSavedState(virsh, domain.uuid, scope.signal))) return trackable;
  scope.warn(
    `${domain.name} is suspended to disk; its memory is not in the backup, the disks are as after a power failure`,
  );
  return [];
}

/** Closes every disk, also when one of them fails to. @returns the failures */
async function closeAll(disks: readonly OpenedDisk[], sockets: SocketFolder): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const { disk } of disks) await disk.close().catch((error: unknown) => failures.push(error));
  await sockets.remove().catch((error: unknown) => failures.push(error));
  return failures;
}
