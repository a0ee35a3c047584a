import { AppError, hasCode, messageOf } from '../../../../shared/errors.ts';
import { exists } from '../../../disks/exists.ts';
import { throwIfAborted } from '../../../disks/extents.ts';
import { openFileDisk } from '../../../disks/file-disk.ts';
import type { OpenedDisk, ReachedConsistency, Resource } from '../../platform.ts';
import { SocketFolder } from '../../roots.ts';
import { checkFiles } from '../check-files.ts';
import type { DomainDisk } from '../domain.ts';
import type { GuestFreeze } from '../guest/guest-freeze.ts';
import type { OpenDisks, Opening } from '../opening.ts';
import { parseXml } from '../xml.ts';
import type { MadeOverlays, Overlay } from './overlays.ts';
import { allTargets, overlayPath } from './overlays.ts';
import { settleOverlays } from './settle.ts';

/**
 * Disks of an active domain behind an external snapshot: the images stand still while overlays beside them take the
 * guest's writes, which are committed afterwards. It works with every format and needs no backup jobs, but everything is
 * read, and no checkpoint is made.
 */
export class SnapshotDisks implements OpenDisks {
  disks: readonly OpenedDisk[] = [];
  takenAt = 0;
  readonly settlesOnRelease = false;
  readonly checkpoint = undefined;
  readonly #opening: Opening;
  readonly #made: MadeOverlays;
  readonly #sockets: SocketFolder;
  readonly #freeze: GuestFreeze;

  private constructor(opening: Opening, overlays: Overlay[], freeze: GuestFreeze) {
    this.#opening = opening;
    this.#made = { uri: opening.virsh.uri, domain: opening.domain.uuid, overlays };
    this.#sockets = new SocketFolder(opening.roots.run, opening.scope);
    this.#freeze = freeze;
  }

  /** @throws AppError objectBusy, diskMissing, diskUnsupported, exportFailed, programMissing, cancelled */
  static async open(opening: Opening): Promise<SnapshotDisks> {
    const { chosen, scope, freeze } = opening;
    const overlays = chosen.map((disk) => overlayOf(disk, scope.jobUuid));
    await checkFiles(chosen);
    await checkFree(overlays);
    const snapshot = new SnapshotDisks(opening, overlays, freeze);
    await scope.acquired(snapshot.#resource);
    try {
      await snapshot.#take();
      await snapshot.#openImages();
      return snapshot;
    } catch (error) {
      await snapshot.release().catch((second: unknown) => scope.warn(`while undoing: ${messageOf(second)}`));
      throw error;
    }
  }

  get #resource(): Resource {
    return { kind: 'libvirtOverlay', name: JSON.stringify(this.#made) };
  }

  /** The images stand still whatever becomes of the guest. */
  broken(): string | undefined {
    return undefined;
  }

  consistency(): ReachedConsistency {
    return this.#freeze.result();
  }

  /** Not cancelled: an overlay that stays would grow for ever. */
  async release(): Promise<void> {
    await this.#freeze.close();
    const { scope, roots, domain } = this.#opening;
    const failures: unknown[] = [];
    for (const { disk } of this.disks) await disk.close().catch((error: unknown) => failures.push(error));
    await this.#sockets.remove().catch((error: unknown) => failures.push(error));
    try {
      const left = await settleOverlays(this.#made, roots.run);
      if (left.length > 0) scope.warn(`${domain.name} has vanished; its newest data is in ${left.join(', ')}`);
    } catch (error) {
      for (const failure of failures) scope.warn(messageOf(failure));
      throw error;
    }
    await scope.released(this.#resource);
    if (failures.length > 0) throw failures[0];
  }

  async #take(): Promise<void> {
    const { virsh, domain, scope } = this.#opening;
    throwIfAborted(scope.signal);
    const targets = allTargets(parseXml(await virsh.run(['dumpxml', domain.uuid]), 'the domain XML'));
    const command = snapshotCommand(domain.uuid, scope.jobUuid, this.#made.overlays, targets);
    await this.#freeze.freeze();
    try {
      await virsh.run(command);
      this.takenAt = Date.now();
    } catch (error) {
      if (!hasCode(error, 'programFailed')) throw error;
      throw new AppError('exportFailed', `the snapshot cannot be taken: ${error.message}`, { cause: error });
    } finally {
      await this.#freeze.thaw();
    }
  }

  async #openImages(): Promise<void> {
    const { chosen, request, scope } = this.#opening;
    const opened: OpenedDisk[] = [];
    this.disks = opened;
    for (const { target, path = '', format } of chosen) {
      const options = { id: target, path, format: imageFormat(target, format), mayRead: () => undefined };
      const disk = await openFileDisk({ ...options, socketPath: () => this.#sockets.next() }, scope);
      const lost = request.bases.has(target) ? 'snapshotPath' : undefined;
      opened.push({ disk, checkpoint: null, changes: undefined, lost });
    }
  }
}

/**
 * Words of the virsh command: an overlay for each disk that is read, nothing for the others. No metadata: libvirt would not
 * let go of a snapshot whose overlay was committed.
 */
export function snapshotCommand(
  uuid: string,
  jobUuid: string,
  overlays: readonly Overlay[],
  targets: readonly string[],
): string[] {
  const taken = overlays.map(({ target, overlay }) => {
    // virsh separates by commas; a doubled one stands for itself.
    const file = overlay.replaceAll(',', ',,');
    return `${target},snapshot=external,driver=qcow2,file=${file}`;
  });
  const names = overlays.map(({ target }) => target);
  const left = targets.filter((target) => !names.includes(target)).map((target) => `${target},snapshot=no`);
  const options = ['--disk-only', '--no-metadata', '--atomic'];
  return [
    ...['snapshot-create-as', uuid, `holdfast-${jobUuid}`, ...options],
    ...[...taken, ...left].flatMap((spec) => ['--diskspec', spec]),
  ];
}

function overlayOf({ target, path, sourceType, format }: DomainDisk, jobUuid: string): Overlay {
  if (path === undefined || sourceType !== 'file') {
    throw new AppError(
      'diskUnsupported',
      `disk ${target} cannot be read through a snapshot: it is of type ${sourceType}`,
      {
        hint: 'Only image files have a place beside them. Set the platform to read through backup jobs.',
      },
    );
  }
  return { target, base: path, baseFormat: imageFormat(target, format), overlay: overlayPath(path, target, jobUuid) };
}

/** A file that is there already is not ours. @throws AppError exportFailed */
async function checkFree(overlays: readonly Overlay[]): Promise<void> {
  for (const { overlay } of overlays) {
    if (await exists(overlay)) throw new AppError('exportFailed', `the file ${overlay} is there already`);
  }
}

function imageFormat(target: string, format: string): 'raw' | 'qcow2' {
  if (format === 'raw' || format === 'qcow2') return format;
  throw new AppError('diskUnsupported', `disk ${target} cannot be read through a snapshot: its format is ${format}`);
}
