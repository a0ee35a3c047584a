import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../../../../shared/errors.ts';
import { isAlive, type ProcessId, processStat } from '../../../disks/process-id.ts';
import { cleanText } from './clean-text.ts';
import { findFrozen, removeFrozen, writeFrozen } from './frozen-registry.ts';
import {
  callGuest,
  callGuestInOne,
  type GuestRef,
  resetAgentTimeout,
  setAgentTimeout,
  timeoutCommand,
} from './guest-call.ts';
import { adviceFor, type GuestFailure, isCertain, readGuestFailure } from './guest-failure.ts';
import type { FreezeOrder, HelperEvent, ThawReason } from './helper-protocol.ts';
import { readCount, thawUntilDone } from './thaw-loop.ts';

/** Whether the agent answers at all must be known soon. Seconds. */
const checkSeconds = 3;
/** The freeze itself waits for the hook in the guest. Seconds. */
const freezeSeconds = 15;
/** Nobody may keep a guest frozen longer than this (DESIGN §6). */
const defaultFrozenLimitMs = 30_000;
/** How long a thaw is repeated. */
const thawLimitMs = 15 * 60_000;

type Say = (event: HelperEvent) => void;

/** What the helper is told after it was started; each settles at most once. */
export interface Wishes {
  readonly freeze: Promise<unknown>;
  readonly thaw: Promise<ThawReason>;
}

/**
 * Prepares a guest, freezes it when that is wished, keeps it frozen until the wish to thaw or 30 s are over, and thaws it
 * until that succeeds.
 * @throws AppError guestAgentFailed when it could not be thawed; the registry then still names the guest
 */
export async function serveFreeze(
  order: FreezeOrder,
  wishes: Wishes,
  say: Say,
  frozenLimitMs = defaultFrozenLimitMs,
): Promise<void> {
  const before = await findFrozen(order.folder, order.domain);
  // Nothing of what that helper has set may be touched.
  if (before !== undefined && (await isAlive(before.helper))) return say({ event: 'refused', message: heldText });
  const refusal = await prepareGuest(order, before !== undefined);
  if (refusal !== undefined) {
    await resetAgentTimeout(order);
    return say({ event: 'refused', message: refusal });
  }
  say({ event: 'ready' });
  const wish = await Promise.race([wishes.freeze.then(() => 'freeze' as const), wishes.thaw]);
  if (wish === 'freeze') await holdFreeze(order, wishes.thaw, say, frozenLimitMs);
  else await resetAgentTimeout(order);
}

async function holdFreeze(
  order: FreezeOrder,
  thawWish: Promise<ThawReason>,
  say: Say,
  frozenLimitMs: number,
): Promise<void> {
  const noted = await noteFreeze(order, thawWish);
  if (noted !== undefined) {
    await resetAgentTimeout(order);
    return say({ event: 'refused', message: noted });
  }
  const began = Date.now();
  const failure = await tryFreeze(order, say);
  if (failure !== undefined && isCertain(failure.kind)) {
    await removeFrozen(order.folder, order.domain);
    await resetAgentTimeout(order);
    return say({ event: 'refused', message: adviceFor(failure) });
  }
  if (failure !== undefined)
    say({ event: 'refused', message: `${adviceFor(failure)}; it is thawed for a while in case it freezes later` });
  const why = failure === undefined ? await firstOf(thawWish, began + frozenLimitMs) : 'asked';
  await thaw(order, why, say);
}

async function firstOf(thawWish: Promise<ThawReason>, end: number): Promise<ThawReason> {
  const timer = new AbortController();
  try {
    return await Promise.race([thawWish, sleep(end - Date.now(), 'timeLimit' as const, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}

async function thaw(order: FreezeOrder, why: ThawReason, say: Say): Promise<void> {
  const onFailure = (failure: GuestFailure) => say({ event: 'thawFailed', message: failure.text });
  const count = await thawUntilDone(order, { limitMs: thawLimitMs, onFailure });
  const at = Date.now();
  await removeFrozen(order.folder, order.domain);
  say({ event: 'thawed', at, count, why });
  await resetAgentTimeout(order);
}

const heldText =
  'because an earlier freeze of ours is not undone yet: thaw the guest, and restart qemu-guest-agent in it when that fails';

/**
 * Everything that can be known before the guest stands still.
 * @param ours a dead helper of ours may have frozen it
 * @returns why it must not be frozen
 */
async function prepareGuest(order: FreezeOrder, ours: boolean): Promise<string | undefined> {
  const failure = await askForState(order);
  if (failure === undefined) return undefined;
  if (failure.kind !== 'alreadyFrozen' || !ours)
    return ['answered', 'disabled', 'unknown'].includes(failure.kind) ? undefined : adviceFor(failure);
  try {
    // A helper of ours was killed; the guest is ours to thaw.
    await thawUntilDone(order, { limitMs: 0 });
    await setAgentTimeout(order, freezeSeconds);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return adviceFor(readGuestFailure(error));
    throw error;
  }
}

/** Notes the freeze that is going to be. @returns why it must not be */
async function noteFreeze(order: FreezeOrder, thawWish: Promise<ThawReason>): Promise<string | undefined> {
  try {
    await writeFrozen(order.folder, { ...refOf(order), since: Date.now(), helper: await ownProcess() });
    return (await isPending(thawWish)) ? undefined : await thawedTooEarly(order);
  } catch (error) {
    return `because it could not be noted beforehand: ${messageOf(error)}`;
  }
}

function refOf({ uri, domain }: FreezeOrder): GuestRef {
  return { uri, domain };
}

async function thawedTooEarly({ folder, domain }: FreezeOrder): Promise<string> {
  await removeFrozen(folder, domain);
  return 'because the backup ended before';
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const mark = {};
  return (await Promise.race([promise, Promise.resolve(mark)])) === mark;
}

/** A hanging, missing or frozen agent shows itself here, where waiting costs nothing; then there is time for the freeze. */
async function askForState({ uri, domain }: GuestRef): Promise<GuestFailure | undefined> {
  const commands = [timeoutCommand(domain, checkSeconds), ['domfsinfo', domain], timeoutCommand(domain, freezeSeconds)];
  try {
    await callGuestInOne(uri, commands, { timeoutMs: 20_000 });
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return readGuestFailure(error);
    throw error;
  }
}

async function tryFreeze({ uri, domain }: GuestRef, say: Say): Promise<GuestFailure | undefined> {
  try {
    const text = await callGuest(uri, ['domfsfreeze', domain], { timeoutMs: (freezeSeconds + 5) * 1000 });
    const count = readCount(text);
    // Perhaps frozen: it is thawed like one that did not answer.
    if (count === undefined) return { kind: 'unknown', text: cleanText(`virsh domfsfreeze said ${text}`) };
    if (count === 0) return { kind: 'answered', text: 'it found no file system to freeze' };
    say({ event: 'frozen', count, at: Date.now() });
    return undefined;
  } catch (error) {
    return readGuestFailure(error);
  }
}

async function ownProcess(): Promise<ProcessId> {
  const stat = await processStat(process.pid);
  if (stat === undefined) throw new AppError('internal', 'the own process is not in /proc');
  return { pid: process.pid, startTime: stat.startTime, program: stat.program };
}
