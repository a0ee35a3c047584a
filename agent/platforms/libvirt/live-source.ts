import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { throwIfAborted } from '../../disks/extents.ts';
import { systemCode } from '../../disks/file-errors.ts';
import { NbdClient } from '../../disks/nbd/nbd-client.ts';
import { allocationContext, NbdDisk } from '../../disks/nbd/nbd-disk.ts';
import type { OpenedDisk, ReachedConsistency } from '../platform.ts';
import { makeJobFolder, removeJobFolder } from '../roots.ts';
import type { LibvirtJob } from './backup-job.ts';
import { changesContext, endBackupJob } from './backup-job.ts';
import { beginBackup } from './begin.ts';
import type { BeginPlan } from './begin-plan.ts';
import { firstPlan, restoreBases, unknownBases, whyLost } from './bases.ts';
import { NewCheckpoint } from './checkpoints/new-checkpoint.ts';
import { checkFiles } from './check-files.ts';
import type { GuestFreeze } from './guest/guest-freeze.ts';
import type { OpenDisks, Opening } from './opening.ts';
import { ScratchWatch } from './scratch-watch.ts';

/**
 * Disks of an active domain at one point in time: a pull-mode backup job, whose scratch files keep what the guest
 * overwrites meanwhile. Changes come from the bitmap of an earlier checkpoint; a new checkpoint begins with the job.
 */
export class LiveDisks implements OpenDisks {
  disks: readonly OpenedDisk[] = [];
  takenAt = 0;
  readonly settlesOnRelease = false;
  readonly checkpoint: NewCheckpoint;
  readonly #opening: Opening;
  readonly #job: LibvirtJob;
  readonly #folders: Folders;
  readonly #freeze: GuestFreeze;
  #served: readonly NbdDisk[] = [];
  #scratchWatch: ScratchWatch | undefined;
  #released = false;

  private constructor(opening: Opening, folders: Folders, checkpoint: NewCheckpoint) {
    this.#opening = opening;
    this.#folders = folders;
    this.#freeze = opening.freeze;
    this.checkpoint = checkpoint;
    this.#job = {
      uri: opening.virsh.uri,
      domain: opening.domain.uuid,
      socket: join(folders.sockets, 'backup.sock'),
    };
  }

  /** @throws AppError objectBusy, objectVanished, diskMissing, diskUnsupported, exportFailed, scratchFull, cancelled */
  static async open(opening: Opening): Promise<LiveDisks> {
    const { chosen, scope } = opening;
    await checkFiles(chosen);
    const folders = await makeFolders(opening);
    let checkpoint: NewCheckpoint;
    try {
      checkpoint = await NewCheckpoint.announce({ ...opening, wish: opening.request.checkpoint }, opening.trackable);
    } catch (error) {
      await removeFolders(folders, opening);
      throw error;
    }
    const live = new LiveDisks(opening, folders, checkpoint);
    try {
      await scope.acquired({ kind: 'libvirtJob', name: JSON.stringify(live.#job) });
      const restored = await restoreBases(opening);
      checkpoint.orphans = [...unknownBases(restored)];
      live.#scratchWatch = await ScratchWatch.start(folders.scratch);
      await live.#begin(firstPlan(restored));
      return live;
    } catch (error) {
      await live.#undo();
      throw error;
    }
  }

  consistency(): ReachedConsistency {
    return this.#freeze.result();
  }

  broken(): string | undefined {
    // A cancelled job has closed its connections itself, and so has one without room; its readers were told why.
    const closed = this.#opening.scope.signal.aborted || this.#scratchWatch?.signal.aborted === true;
    if (this.#released || closed) return undefined;
    const failure = this.#served.map((disk) => disk.failure).find((found) => found !== undefined);
    return failure === undefined
      ? undefined
      : `the virtual machine stopped serving its disks (powered off?): ${failure.message}`;
  }

  async release(): Promise<void> {
    this.#released = true;
    const { scope } = this.#opening;
    await this.#scratchWatch?.end();
    await this.#freeze.thaw();
    // The helper puts back what it has set in libvirt; the job need not wait for that.
    const closing = this.#freeze.close();
    closing.catch(() => undefined);
    for (const disk of this.#served) await disk.close();
    await endBackupJob(this.#job);
    await closing;
    // What libvirt leaves behind when QEMU was killed or the guest powered off.
    await rm(this.#job.socket, { force: true });
    await removeScratch(this.#folders.scratch);
    await scope.released({ kind: 'libvirtJob', name: JSON.stringify(this.#job) });
    await removeFolders(this.#folders, this.#opening);
  }

  async #undo(): Promise<void> {
    const { scope } = this.#opening;
    await this.release().catch((second: unknown) => scope.warn(`while undoing: ${messageOf(second)}`));
    await this.checkpoint.drop().catch((second: unknown) => scope.warn(`while undoing: ${messageOf(second)}`));
  }

  async #begin(wanted: BeginPlan): Promise<void> {
    const { scope } = this.#opening;
    throwIfAborted(scope.signal);
    let plan: BeginPlan;
    await this.#freeze.freeze();
    try {
      plan = await beginBackup(this.#opening, wanted, this.#job.socket, this.#folders.scratch);
      this.takenAt = Date.now();
    } finally {
      await this.#freeze.thaw();
    }
    this.checkpoint.disks = plan.tracked;
    this.checkpoint.foundBroken = plan.lost.size > 0;
    if (plan.untracked !== undefined) {
      await this.checkpoint.drop();
      scope.warn(`no checkpoint could be made, the next run reads everything: ${plan.untracked}`);
    }
    await this.#connect(plan);
  }

  async #connect(plan: BeginPlan): Promise<void> {
    const { chosen, scope } = this.#opening;
    const watched = this.#scratchWatch === undefined ? [] : [this.#scratchWatch.signal];
    const signal = AbortSignal.any([scope.signal, ...watched]);
    const served: NbdDisk[] = [];
    const opened: OpenedDisk[] = [];
    this.#served = served;
    for (const { target, format, path } of chosen) {
      const contexts = [allocationContext, ...(plan.bases.has(target) ? [changesContext(target)] : [])];
      const address = { socketPath: this.#job.socket, exportName: target, contexts };
      const disk = new NbdDisk(target, format, await NbdClient.connect(address, signal));
      served.push(disk);
      const base = plan.bases.get(target);
      const extents = base === undefined ? undefined : disk.dirtyExtents(changesContext(target));
      const known = base !== undefined && extents !== undefined;
      opened.push({
        disk,
        checkpoint: plan.tracked.includes(target) ? this.checkpoint.name : null,
        changes: known ? { source: 'libvirtBitmap', base, extents } : undefined,
        lost: known ? undefined : await whyLost(this.#opening, plan, target, path),
      });
    }
    this.disks = opened;
  }
}

interface Folders {
  readonly sockets: string;
  readonly scratch: string;
}

async function makeFolders({ roots, scope, domain }: Opening): Promise<Folders> {
  const sockets = await makeJobFolder(roots.run, scope, domain.owner);
  try {
    return { sockets, scratch: await makeJobFolder(roots.scratch, scope, domain.owner) };
  } catch (error) {
    await removeJobFolder(sockets, scope);
    throw error;
  }
}

async function removeFolders(folders: Folders, { scope }: Opening): Promise<void> {
  await removeJobFolder(folders.scratch, scope);
  await removeJobFolder(folders.sockets, scope);
}

async function removeScratch(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) if (name.startsWith('scratch.')) await rm(join(folder, name), { force: true });
}
