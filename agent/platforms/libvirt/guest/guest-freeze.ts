import type { Quiesce } from '../../../../shared/model/job.ts';
import { throwIfAborted } from '../../../disks/extents.ts';
import type { JobScope, ReachedConsistency } from '../../platform.ts';
import type { Roots } from '../../roots.ts';
import type { Domain } from '../domain.ts';
import type { Virsh } from '../virsh.ts';
import { FreezeProcess } from './freeze-process.ts';
import { removeFrozen } from './frozen-registry.ts';
import type { GuestRef } from './guest-call.ts';
import { adviceFor, readGuestFailure } from './guest-failure.ts';
import { runGuestScript } from './guest-script.ts';
import { thawUntilDone } from './thaw-loop.ts';

/** More than the helper takes for its checks and the freeze. */
const freezeLimitMs = 60_000;
/** After this time the backup goes on; the helper goes on thawing. */
const thawLimitMs = 20_000;
const releaseLimitMs = 5000;

/** What the freeze of a guest needs besides the guest. */
export interface FreezeParts {
  quiesce: Quiesce;
  helper: FreezeProcess | undefined;
  roots: Roots;
  scope: JobScope;
}

/**
 * Makes a guest stand still for the point in time: script before, freeze, … thaw, script after. Nothing here throws for
 * what a guest does: `result` tells it. Call `close` in every case.
 */
export class GuestFreeze {
  readonly #guest: GuestRef;
  readonly #quiesce: Quiesce;
  readonly #roots: Roots;
  readonly #signal: AbortSignal;
  readonly #problems: string[] = [];
  /** Undefined when there is nothing to freeze, or no way. */
  #helper: FreezeProcess | undefined;
  #scripts: 'impossible' | 'waiting' | 'began' = 'impossible';
  /** True once the script before has ended with code 0. */
  #applicationReady = false;
  /** True when the guest stood still from before the point in time until after it. */
  #held = false;
  #frozenAt: number | null = null;
  #thawedAt: number | null = null;
  #freezeBegan = false;
  #thawBegan = false;

  private constructor(guest: GuestRef, quiesce: Quiesce, roots: Roots, signal: AbortSignal) {
    this.#guest = guest;
    this.#quiesce = quiesce;
    this.#roots = roots;
    this.#signal = signal;
  }

  /** Starts the helper process when one may be needed. @param roots `frozen` is the folder where frozen guests are noted */
  static startHelper(quiesce: Quiesce, roots: Roots): FreezeProcess | undefined {
    return quiesce.freeze ? new FreezeProcess(roots.frozen) : undefined;
  }

  /**
   * Lets the helper look at the guest meanwhile, so that this costs no frozen time. A machine that is off has nothing to
   * freeze.
   * @param helper from `startHelper`; it is taken over
   */
  static async prepare(
    virsh: Virsh,
    domain: Domain,
    { quiesce, helper, roots, scope }: FreezeParts,
  ): Promise<GuestFreeze> {
    const made = new GuestFreeze({ uri: virsh.uri, domain: domain.uuid }, quiesce, roots, scope.signal);
    const scripts = quiesce.scriptBefore !== null || quiesce.scriptAfter !== null;
    if (!domain.active || !(quiesce.freeze || scripts) || domain.guestAgent !== 'connected') {
      if (domain.active && domain.guestAgent !== 'connected' && (quiesce.freeze || scripts))
        made.#problems.push(withoutAgent(domain.guestAgent, scripts));
      await helper?.release(0);
      return made;
    }
    if (scripts) made.#scripts = 'waiting';
    helper?.prepare({ do: 'prepare', ...made.#guest, folder: roots.frozen });
    made.#helper = helper;
    return made;
  }

  /** Process that holds the freeze; undefined when there is none. */
  get helperPid(): number | undefined {
    return this.#helper?.pid;
  }

  /** Runs the script before and freezes. Take the point in time at once. @throws AppError cancelled */
  async freeze(): Promise<void> {
    throwIfAborted(this.#signal);
    await this.#runBefore();
    const helper = this.#helper;
    if (helper === undefined) return;
    await helper.freeze(freezeLimitMs, this.#signal);
    this.#freezeBegan = helper.asked;
    throwIfAborted(this.#signal);
    if (helper.frozen === undefined) {
      const silent = helper.ended === undefined ? 'because libvirt did not answer in time' : helperGone(helper.ended);
      this.#problems.push(`the guest was not frozen, ${helper.refused?.message ?? silent}`);
      return;
    }
    this.#frozenAt = helper.frozen.at;
    this.#held = true;
  }

  /** Thaws and runs the script after, also when the job was cancelled meanwhile. The second call does nothing. */
  async thaw(): Promise<void> {
    if (this.#thawBegan) return;
    this.#thawBegan = true;
    // Also when the job was cancelled before the helper had answered.
    if (this.#freezeBegan && this.#helper?.refused === undefined) await this.#thawFrozen(this.#helper);
    await this.#runAfter();
  }

  /** How still the guest stood; final after `thaw`. */
  result(): ReachedConsistency {
    const level = this.#held ? (this.#applicationReady ? 'application' : 'filesystem') : 'crash';
    const problem = this.#problems.length === 0 ? null : this.#problems.join('; ');
    return { level, frozenAt: this.#frozenAt, thawedAt: this.#thawedAt, problem };
  }

  /** Thaws when that was not done, and lets go of the helper. */
  async close(): Promise<void> {
    await this.thaw();
    const helper = this.#helper;
    this.#helper = undefined;
    // One that still has to thaw goes on alone.
    const busy = helper?.thawFailed !== undefined || (helper?.refused !== undefined && helper.frozen === undefined);
    await helper?.release(busy ? 0 : releaseLimitMs);
  }

  async #runBefore(): Promise<void> {
    const { scriptBefore, scriptTimeoutSeconds } = this.#quiesce;
    if (this.#scripts === 'impossible') return;
    this.#scripts = 'began';
    if (scriptBefore === null) return;
    const problem = await runGuestScript(this.#guest, scriptBefore, scriptTimeoutSeconds, this.#signal);
    if (problem === undefined) this.#applicationReady = true;
    else this.#problems.push(problem);
  }

  async #runAfter(): Promise<void> {
    const { scriptAfter, scriptTimeoutSeconds } = this.#quiesce;
    if (this.#scripts !== 'began' || scriptAfter === null) return;
    // Not cancelled with the job: it undoes what the script before did.
    const problem = await runGuestScript(this.#guest, scriptAfter, scriptTimeoutSeconds, undefined);
    if (problem === undefined) return;
    this.#applicationReady = false;
    this.#problems.push(problem);
  }

  async #thawFrozen(helper: FreezeProcess | undefined): Promise<void> {
    if (helper === undefined) return;
    const early = helper.thawed;
    await helper.thaw(thawLimitMs);
    if (helper.refused !== undefined) return;
    if (helper.thawed !== undefined) this.#judgeThaw(helper.thawed, early !== undefined);
    else if (helper.ended !== undefined) await this.#thawAlone(helper.ended);
    else {
      const why = helper.thawFailed?.message ?? 'no answer yet';
      this.#problems.push(
        `the guest is still frozen and is thawed as soon as its agent answers: restart qemu-guest-agent in it (${why})`,
      );
    }
  }

  /** The point in time counts as still only when nobody thawed before we asked for it. */
  #judgeThaw({ at, count, why }: { at: number; count: number | null; why: string }, early: boolean): void {
    this.#thawedAt = at;
    if (early || why !== 'asked') {
      this.#held = false;
      const cause =
        why === 'timeLimit' ? 'after 30 s, the longest that it may stand still' : 'by a signal to its helper';
      this.#problems.push(`the guest was thawed ${cause}, perhaps before the point in time: run the backup again`);
    } else if (count === 0) {
      this.#held = false;
      this.#problems.push(
        'the guest was thawed by somebody else, or by itself as Windows is after 10 s, perhaps before the point in time: run the backup again',
      );
    }
  }

  /** Somebody killed the helper. */
  async #thawAlone(how: string): Promise<void> {
    try {
      const count = await thawUntilDone(this.#guest, { limitMs: thawLimitMs });
      await removeFrozen(this.#roots.frozen, this.#guest.domain);
      this.#thawedAt = Date.now();
      if (count === 0) this.#held = false;
      this.#problems.push(`the helper that thaws the guest was killed, and the agent thawed it (${how})`);
    } catch (error) {
      this.#problems.push(
        `the guest is still frozen: press Thaw, or run virsh domfsthaw on the client (${readGuestFailure(error).text})`,
      );
    }
  }
}

function helperGone(how: string): string {
  return `because its helper process did not work: look for a lack of memory or processes on the client (${how})`;
}

function withoutAgent(state: Domain['guestAgent'], scripts: boolean): string {
  const what = scripts ? 'the guest was not frozen and its scripts were not run' : 'the guest was not frozen';
  return `${what}, ${adviceFor({ kind: state === 'none' ? 'noChannel' : 'notConnected', text: '' })}`;
}
