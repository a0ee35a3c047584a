import { hasCode, messageOf } from '../../../../shared/errors.ts';
import type { CheckpointWish, JobScope, Resource } from '../../platform.ts';
import type { Roots } from '../../roots.ts';
import type { Domain } from '../domain.ts';
import { parseDomain } from '../domain.ts';
import type { Virsh } from '../virsh.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { CheckpointList } from './list.ts';
import { defineCheckpoint } from './redefine.ts';
import { removeCheckpoint } from './remove.ts';
import { planRetirement } from './retire.ts';
import { isWhole } from './whole.ts';

interface Making {
  readonly virsh: Virsh;
  readonly domain: Domain;
  readonly wish: CheckpointWish;
  readonly roots: Roots;
  readonly scope: JobScope;
  /** As they were before this one. */
  readonly checkpoints: CheckpointList;
}

/** The checkpoint of the running backup, from its announcement in the journal until the job has decided about it. */
export class NewCheckpoint {
  readonly name: string;
  /** Targets that it covers; empty as long as, or when, it was not made. */
  disks: readonly string[] = [];
  /** Set when a base turned out to be lost: then the others are looked at as well before they are kept. */
  foundBroken = false;
  /** Names of lost bases of which libvirt knows nothing: their bitmaps, if there are any, are of no use to anybody. */
  orphans: readonly string[] = [];
  readonly #making: Making;
  #resource: Resource | undefined;

  private constructor(making: Making) {
    this.name = making.wish.name;
    this.#making = making;
  }

  /**
   * Writes into the journal what is going to be made. Nothing is made yet.
   * @param targets that it shall cover; without any there will be none
   */
  static async announce(making: Making, targets: readonly string[]): Promise<NewCheckpoint> {
    const { virsh, domain, wish, scope } = making;
    const checkpoint = new NewCheckpoint(making);
    if (targets.length === 0) return checkpoint;
    const resource: Resource = {
      kind: 'libvirtCheckpoint',
      name: JSON.stringify({ uri: virsh.uri, domain: domain.uuid, name: wish.name }),
    };
    await scope.acquired(resource);
    checkpoint.#resource = resource;
    return checkpoint;
  }

  /** It stays; what it makes superfluous is removed. What cannot be removed is a warning. */
  async keep(): Promise<void> {
    const { scope } = this.#making;
    if (this.disks.length === 0) {
      await this.drop().catch((error: unknown) => scope.warn(`something of a checkpoint is left: ${messageOf(error)}`));
      return;
    }
    // Struck off first: a kill in the middle must not take the new one when the old ones are gone already.
    await this.#strikeOff();
    try {
      for (const { name } of await this.#superfluous()) await this.#retire(name);
      for (const name of this.orphans) await this.#retire(name);
    } catch (error) {
      if (hasCode(error, 'objectVanished')) return;
      scope.warn(`older checkpoints are still in the virtual machine: ${messageOf(error)}`);
    }
  }

  /** It goes, made or not. @throws AppError when it is there and cannot be removed: its journal entry stays */
  async drop(): Promise<void> {
    if (this.#resource === undefined) return;
    const { virsh, domain, roots } = this.#making;
    await removeCheckpoint({ uri: virsh.uri, domain: domain.uuid, name: this.name }, roots.run);
    await this.#strikeOff();
    this.disks = [];
  }

  async #superfluous(): Promise<readonly Checkpoint[]> {
    const { wish, virsh, domain, roots, checkpoints } = this.#making;
    const kept = { ...wish, disks: this.disks };
    const targets = domain.disks.map(({ target }) => target);
    const { retired, keptFull } = planRetirement(checkpoints.ours, kept, targets);
    if (keptFull === undefined || !this.foundBroken) return retired;
    const whole = await isWhole(virsh, await this.#readDomain(), keptFull, roots.run);
    return whole ? retired : [...retired, keptFull];
  }

  async #retire(name: string): Promise<void> {
    const { virsh, domain, wish, roots, scope } = this.#making;
    try {
      if (this.orphans.includes(name)) {
        // QEMU removes only what libvirt knows.
        const now = await this.#readDomain();
        const disks = this.disks.filter((target) => now.disks.some((disk) => disk.target === target));
        if (now.active)
          await defineCheckpoint({ virsh, domain: now, roots }, { ...wish, name, disks, parent: undefined }, false);
      }
      if (domain.active && !this.foundBroken && (await removedAtOnce(virsh, domain, name))) return;
      await removeCheckpoint({ uri: virsh.uri, domain: domain.uuid, name }, roots.run);
    } catch (error) {
      scope.warn(`the older checkpoint ${name} is still in the virtual machine: ${messageOf(error)}`);
    }
  }

  async #readDomain(): Promise<Domain> {
    const { virsh, domain } = this.#making;
    return parseDomain(await virsh.run(['dumpxml', domain.uuid]));
  }

  async #strikeOff(): Promise<void> {
    if (this.#resource !== undefined) await this.#making.scope.released(this.#resource);
    this.#resource = undefined;
  }
}

/** One call is enough where nothing is wrong. @returns false when somebody has to look closer */
async function removedAtOnce(virsh: Virsh, domain: Domain, name: string): Promise<boolean> {
  try {
    await virsh.run(['checkpoint-delete', domain.uuid, name]);
    return true;
  } catch (error) {
    if (hasCode(error, 'programFailed')) return false;
    throw error;
  }
}
