import { stat } from 'node:fs/promises';
import { messageOf } from '../../../shared/errors.ts';
import { readError } from '../../disks/file-errors.ts';
import type { JobScope } from '../platform.ts';
import type { Domain } from './domain.ts';
import type { Virsh } from './virsh.ts';

/** How often it is looked whether the VM was started. */
const watchMs = 5000;

/** Notices when the files of a VM that is shut off change while they are read. */
export class ColdWatch {
  /** What happened, for the operator; undefined while nothing did. */
  changed: string | undefined;
  readonly #virsh: Virsh;
  readonly #domain: Domain;
  readonly #scope: JobScope;
  readonly #stamps: ReadonlyMap<string, bigint>;
  readonly #timer: NodeJS.Timeout;

  /** @param stamps of each file by path, as {@link fileStamp} gave it before reading began */
  constructor(virsh: Virsh, domain: Domain, stamps: ReadonlyMap<string, bigint>, scope: JobScope) {
    this.#virsh = virsh;
    this.#domain = domain;
    this.#scope = scope;
    this.#stamps = stamps;
    this.#timer = setInterval(() => void this.#look(), watchMs).unref();
  }

  /** Looks a last time. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look();
  }

  /** Warns once when the VM runs or its images changed since they were opened. */
  async #look(): Promise<void> {
    if (this.changed !== undefined) return;
    const why = await this.#findChange();
    if (why === undefined || this.changed !== undefined) return;
    this.changed = `${why}: the copy is not consistent`;
    this.#scope.warn(this.changed);
  }

  async #findChange(): Promise<string | undefined> {
    try {
      const state = (await this.#virsh.run(['domstate', this.#domain.uuid])).trim();
      if (state !== 'shut off' && state !== 'crashed')
        return `${this.#domain.name} was started while its disks were read`;
      for (const [path, stamp] of this.#stamps) {
        if ((await fileStamp(path)) !== stamp) return `${path} was changed while it was read`;
      }
      return undefined;
    } catch (error) {
      return `it is not known whether ${this.#domain.name} was started while its disks were read (${messageOf(error)})`;
    }
  }
}

/** Changes with every writing. @throws AppError diskMissing, diskReadFailed */
export async function fileStamp(path: string): Promise<bigint> {
  try {
    return (await stat(path, { bigint: true })).mtimeNs;
  } catch (error) {
    throw readError(path, error);
  }
}
