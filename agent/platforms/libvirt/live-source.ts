import { access, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, hasCode, messageOf } from '../../../shared/errors.ts';
import { throwIfAborted } from '../../disks/extents.ts';
import { systemCode } from '../../disks/file-errors.ts';
import { NbdClient } from '../../disks/nbd/nbd-client.ts';
import { allocationContext, NbdDisk } from '../../disks/nbd/nbd-disk.ts';
import type { JobScope } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { makeJobFolder, removeJobFolder } from '../roots.ts';
import type { LibvirtJob } from './backup-job.ts';
import { backupXml, checkNoJob, endBackupJob } from './backup-job.ts';
import type { Domain, DomainDisk } from './domain.ts';
import type { Virsh } from './virsh.ts';
import { withXmlFile } from './xml-file.ts';

/**
 * Disks of an active domain at one point in time: a pull-mode backup job, whose scratch files keep what the guest
 * overwrites meanwhile.
 */
export class LiveDisks {
  disks: readonly NbdDisk[] = [];
  takenAt = 0;
  readonly #job: LibvirtJob;
  readonly #scope: JobScope;
  readonly #socketFolder: string;
  readonly #scratchFolder: string;
  #released = false;

  private constructor(job: LibvirtJob, scope: JobScope, socketFolder: string, scratchFolder: string) {
    this.#job = job;
    this.#scope = scope;
    this.#socketFolder = socketFolder;
    this.#scratchFolder = scratchFolder;
  }

  /** @throws AppError objectBusy, objectVanished, diskMissing, diskUnsupported, exportFailed, scratchFull, cancelled */
  static async open(
    virsh: Virsh,
    domain: Domain,
    chosen: readonly DomainDisk[],
    roots: Roots,
    scope: JobScope,
  ): Promise<LiveDisks> {
    await checkNoJob(virsh, domain.uuid, scope.signal);
    await checkFiles(chosen);
    const socketFolder = await makeJobFolder(roots.run, scope, domain.owner);
    const scratchFolder = await makeScratchFolder(roots, scope, domain, socketFolder);
    const job = { uri: virsh.uri, domain: domain.uuid, socket: join(socketFolder, 'backup.sock') };
    const live = new LiveDisks(job, scope, socketFolder, scratchFolder);
    try {
      await scope.acquired({ kind: 'libvirtJob', name: JSON.stringify(job) });
      await live.#begin(virsh, domain, chosen);
      return live;
    } catch (error) {
      await live.release().catch((second: unknown) => scope.warn(`while undoing: ${messageOf(second)}`));
      throw error;
    }
  }

  /** The export is one point in time. */
  consistent(): boolean {
    return true;
  }

  broken(): string | undefined {
    // A cancelled job has closed its connections itself.
    if (this.#released || this.#scope.signal.aborted) return undefined;
    const failure = this.disks.map((disk) => disk.failure).find((found) => found !== undefined);
    return failure === undefined
      ? undefined
      : `the virtual machine stopped serving its disks (powered off?): ${failure.message}`;
  }

  async release(): Promise<void> {
    this.#released = true;
    for (const disk of this.disks) await disk.close();
    await endBackupJob(this.#job);
    // What libvirt leaves behind when QEMU was killed or the guest powered off.
    await rm(this.#job.socket, { force: true });
    await removeFilesOf(this.#scratchFolder);
    await this.#scope.released({ kind: 'libvirtJob', name: JSON.stringify(this.#job) });
    await removeJobFolder(this.#scratchFolder, this.#scope);
    await removeJobFolder(this.#socketFolder, this.#scope);
  }

  async #begin(virsh: Virsh, domain: Domain, chosen: readonly DomainDisk[]): Promise<void> {
    const { signal } = this.#scope;
    throwIfAborted(signal);
    const targets = chosen.map((disk) => disk.target);
    const others = domain.disks.map((disk) => disk.target).filter((target) => !targets.includes(target));
    const text = backupXml(this.#job.socket, targets, others, (target) =>
      join(this.#scratchFolder, `scratch.${target}`),
    );
    // Not cancelled midway: libvirt would go on, and we would not know whether the job began.
    await withXmlFile(dirname(this.#socketFolder), text, (path) =>
      virsh.run(['backup-begin', domain.uuid, path]),
    ).catch((error: unknown) => {
      throw beginError(error);
    });
    this.takenAt = Date.now();
    const disks: NbdDisk[] = [];
    this.disks = disks;
    for (const disk of chosen) {
      const address = { socketPath: this.#job.socket, exportName: disk.target, contexts: [allocationContext] };
      disks.push(new NbdDisk(disk.target, disk.format, await NbdClient.connect(address, signal)));
    }
  }
}

async function makeScratchFolder(roots: Roots, scope: JobScope, domain: Domain, socketFolder: string): Promise<string> {
  try {
    return await makeJobFolder(roots.scratch, scope, domain.owner);
  } catch (error) {
    await removeJobFolder(socketFolder, scope);
    throw error;
  }
}

/** A missing image is named, whatever QEMU still holds open. */
async function checkFiles(disks: readonly DomainDisk[]): Promise<void> {
  for (const { target, path } of disks) {
    if (path === undefined) continue;
    try {
      await access(path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT')
        throw new AppError('diskMissing', `the file ${path} of disk ${target} does not exist`, { cause: error });
      if (systemCode(error) === undefined) throw error;
      // Not ours to look at; QEMU can.
    }
  }
}

function beginError(error: unknown): unknown {
  if (!hasCode(error, 'programFailed')) return error;
  const text = error.message;
  if (/No space left/iu.test(text)) return new AppError('scratchFull', text, { cause: error });
  if (/domain is not running|inactive domain/iu.test(text)) {
    return new AppError('objectBusy', `the virtual machine was shut off at this moment: ${text}`, { cause: error });
  }
  return new AppError('exportFailed', text, { cause: error });
}

async function removeFilesOf(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) if (name.startsWith('scratch.')) await rm(join(folder, name), { force: true });
}
