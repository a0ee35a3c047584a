import { stat } from 'node:fs/promises';
import { AppError, messageOf } from '../../../shared/errors.ts';
import type { SourceDisk } from '../../disks/disk.ts';
import { openFileDisk } from '../../disks/file-disk.ts';
import type { JobScope } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { SocketFolder } from '../roots.ts';
import type { Domain, DomainDisk } from './domain.ts';
import type { Virsh } from './virsh.ts';

/** How often it is looked whether the VM was started. */
const watchMs = 5000;

/** Disks of a domain that is shut off, read from their files. Starting the VM is not prevented, only noticed. */
export class ColdDisks {
  readonly takenAt = Date.now();
  readonly disks: readonly SourceDisk[];
  readonly #virsh: Virsh;
  readonly #domain: Domain;
  readonly #scope: JobScope;
  readonly #sockets: SocketFolder;
  readonly #stamps: ReadonlyMap<string, bigint>;
  readonly #timer: NodeJS.Timeout;
  #warned = false;

  private constructor(
    virsh: Virsh,
    domain: Domain,
    disks: readonly SourceDisk[],
    stamps: ReadonlyMap<string, bigint>,
    sockets: SocketFolder,
    scope: JobScope,
  ) {
    this.#virsh = virsh;
    this.#domain = domain;
    this.disks = disks;
    this.#stamps = stamps;
    this.#sockets = sockets;
    this.#scope = scope;
    this.#timer = setInterval(() => void this.#look(), watchMs).unref();
  }

  /** @throws AppError diskMissing, diskUnsupported, diskReadFailed, programMissing, cancelled */
  static async open(
    virsh: Virsh,
    domain: Domain,
    chosen: readonly DomainDisk[],
    roots: Roots,
    scope: JobScope,
  ): Promise<ColdDisks> {
    const sockets = new SocketFolder(roots.run, scope);
    const disks: SourceDisk[] = [];
    const stamps = new Map<string, bigint>();
    try {
      for (const disk of chosen) {
        const { path, format } = readable(disk);
        disks.push(
          await openFileDisk(
            { id: disk.target, path, format, socketPath: () => sockets.next(), mayRead: () => undefined },
            scope,
          ),
        );
        stamps.set(path, await changedAt(path));
      }
      return new ColdDisks(virsh, domain, disks, stamps, sockets, scope);
    } catch (error) {
      for (const disk of disks) await disk.close();
      await sockets.remove();
      throw error;
    }
  }

  /** A VM that was started makes the copy inconsistent, which is a warning and no failure. */
  broken(): string | undefined {
    return undefined;
  }

  consistent(): boolean {
    return !this.#warned;
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look();
    const failures: unknown[] = [];
    for (const disk of this.disks) await disk.close().catch((error: unknown) => failures.push(error));
    await this.#sockets.remove().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /** Warns once when the VM runs or its images changed since they were opened. */
  async #look(): Promise<void> {
    if (this.#warned) return;
    const why = await this.#changed();
    if (why === undefined || this.#warned) return;
    this.#warned = true;
    this.#scope.warn(`${why}: the copy is not consistent`);
  }

  async #changed(): Promise<string | undefined> {
    try {
      const state = (await this.#virsh.run(['domstate', this.#domain.uuid])).trim();
      if (state !== 'shut off' && state !== 'crashed')
        return `${this.#domain.name} was started while its disks were read`;
      for (const [path, stamp] of this.#stamps) {
        if ((await changedAt(path)) !== stamp) return `${path} was changed while it was read`;
      }
      return undefined;
    } catch (error) {
      return `it is not known whether ${this.#domain.name} was started while its disks were read (${messageOf(error)})`;
    }
  }
}

function readable(disk: DomainDisk): { path: string; format: 'raw' | 'qcow2' } {
  const { target, path, format, sourceType } = disk;
  const unsupported = (why: string) =>
    new AppError('diskUnsupported', `disk ${target} cannot be read while the virtual machine is shut off: ${why}`, {
      hint: 'Start the virtual machine: QEMU itself then serves the disk.',
    });
  if (path === undefined || (sourceType !== 'file' && sourceType !== 'block'))
    throw unsupported(`its source is of type ${sourceType}`);
  if (format !== 'raw' && format !== 'qcow2') throw unsupported(`its format is ${format}`);
  return { path, format };
}

async function changedAt(path: string): Promise<bigint> {
  return (await stat(path, { bigint: true })).mtimeNs;
}
