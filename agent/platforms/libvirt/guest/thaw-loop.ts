import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../../../../shared/errors.ts';
import { callGuest, type GuestRef, setAgentTimeout } from './guest-call.ts';
import { type GuestFailure, readGuestFailure } from './guest-failure.ts';

/** How long libvirt may wait for an answer to a repeated thaw, seconds. */
const repeatSeconds = 5;
/** The first thaw waits as long as the freeze did, for the hook in the guest. */
const callLimitMs = 30_000;
const pauseMs = 1000;

export interface ThawOptions {
  /** After this time it gives up, milliseconds. */
  limitMs: number;
  signal?: AbortSignal;
  /** Called once, with what the first failed attempt said. */
  onFailure?: (failure: GuestFailure) => void;
}

/**
 * Thaws a guest, again and again until it succeeds: a freeze that timed out behind a slow hook or a hanging agent
 * happens later, and the agent answers a thaw only after it. A guest that is off or gone is not frozen any more.
 * @returns number of file systems that were thawed; null when that is not known
 * @throws AppError guestAgentFailed after the time limit, cancelled
 */
export async function thawUntilDone(guest: GuestRef, options: ThawOptions): Promise<number | null> {
  const { limitMs, signal, onFailure } = options;
  const end = Date.now() + limitMs;
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryThaw(guest, signal);
    // An earlier attempt may have worked without being answered.
    if (outcome === undefined || typeof outcome === 'number') return attempt === 1 ? (outcome ?? null) : null;
    if (await cannotBeFrozen(guest, outcome, signal)) return null;
    if (attempt === 1) onFailure?.(outcome);
    if (Date.now() >= end) throw new AppError('guestAgentFailed', outcome.text);
    await shortenWaiting(guest);
    await pause(signal);
  }
}

type Attempt = number | undefined | GuestFailure;

/** One attempt: how many file systems were thawed, or what went wrong. @throws AppError cancelled, programMissing */
async function tryThaw({ uri, domain }: GuestRef, signal: AbortSignal | undefined): Promise<Attempt> {
  try {
    return readCount(await callGuest(uri, ['domfsthaw', domain], { timeoutMs: callLimitMs, signal }));
  } catch (error) {
    if (isFinal(error)) throw error;
    return readGuestFailure(error);
  }
}

/** True when the failed thaw left nothing frozen all the same. */
async function cannotBeFrozen(guest: GuestRef, failure: GuestFailure, signal?: AbortSignal): Promise<boolean> {
  const { uri, domain } = guest;
  const limits = { timeoutMs: 10_000, signal };
  try {
    switch (failure.kind) {
      case 'vanished':
      case 'noChannel':
        return true;
      case 'notRunning':
        // Paused counts as not running, and goes on frozen when it is resumed.
        return /^(shut off|crashed)/u.test((await callGuest(uri, ['domstate', domain], limits)).trim());
      case 'hookFailed':
      case 'answered':
        // The hook runs after the thaw and may fail; a frozen agent refuses this question.
        await callGuest(uri, ['domfsinfo', domain], limits);
        return true;
      default:
        return false;
    }
  } catch (error) {
    if (isFinal(error)) throw error;
    return false;
  }
}

async function shortenWaiting(guest: GuestRef): Promise<void> {
  // Each time, since others may set it too. Where even this fails the repeated thaw says why.
  await setAgentTimeout(guest, repeatSeconds).catch(() => undefined);
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw new AppError('cancelled', `thawing was cancelled: ${messageOf(error)}`, { cause: error });
  }
}

/** Trying again would not help. */
function isFinal(error: unknown): boolean {
  return !(error instanceof AppError) || error.code === 'cancelled' || error.code === 'programMissing';
}

/** The number in `Froze 1 filesystem(s)` and `Thawed 1 filesystem(s)`; undefined for any other text. */
export function readCount(text: string): number | undefined {
  const digits = /^\w+ (\d{1,9}) filesystem/mu.exec(text.slice(0, 1000))?.[1];
  return digits === undefined ? undefined : Number(digits);
}
