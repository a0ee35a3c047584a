import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../../../../shared/errors.ts';
import type { Logger } from '../../../../shared/node/log.ts';
import { isAlive } from '../../../disks/process-id.ts';
import type { Roots } from '../../roots.ts';
import type { Virsh } from '../virsh.ts';
import { findFrozen, type FrozenEntry, listFrozen, removeFrozen } from './frozen-registry.ts';
import { callGuest, resetAgentTimeout, setAgentTimeout } from './guest-call.ts';
import { type GuestFailureKind, readGuestFailure } from './guest-failure.ts';
import { thawUntilDone } from './thaw-loop.ts';

/** How long libvirt may wait for the guest agent, seconds. */
const answerSeconds = 10;
/** How long a start of the agent waits for guests to thaw. */
const startLimitMs = 10_000;
const releaseLimitMs = 15 * 60_000;

const hints: Partial<Record<GuestFailureKind, string>> = {
  hangs: 'Restart qemu-guest-agent in the guest; when nothing answers there any more, reset the virtual machine.',
  notConnected: 'Start qemu-guest-agent in the guest; when that is impossible, reset the virtual machine.',
  noChannel: 'Without a guest agent it cannot have been frozen through one.',
  notRunning: 'It is paused; resume it first.',
  unreachable: 'Is libvirtd running on the client?',
};

/**
 * Thaws the guest of a domain once and forgets that it was frozen. A machine that is off is not frozen.
 * @throws AppError guestAgentFailed with what to do, objectVanished, programMissing, cancelled
 */
export async function thawGuest(virsh: Virsh, uuid: string, roots: Roots, signal: AbortSignal): Promise<void> {
  const guest = { uri: virsh.uri, domain: uuid };
  const entry = await findFrozen(roots.frozen, uuid);
  try {
    const state = await callGuest(guest.uri, ['domstate', uuid], { timeoutMs: 10_000, signal });
    if (!/^(shut off|crashed)/u.test(state.trim())) {
      await setAgentTimeout(guest, answerSeconds, signal);
      await thawUntilDone(guest, { limitMs: 0, signal });
    }
    await removeFrozen(roots.frozen, uuid);
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'cancelled' || error.code === 'programMissing') throw error;
    const failure = thawError(error);
    if (failure.code === 'objectVanished') await removeFrozen(roots.frozen, uuid);
    throw failure;
  } finally {
    // A helper that still has to thaw needs its limit.
    if (entry === undefined || !(await isAlive(entry.helper))) await resetAgentTimeout(guest);
  }
}

function thawError(error: AppError): AppError {
  const { kind, text } = readGuestFailure(error);
  if (kind === 'vanished') return new AppError('objectVanished', text, { cause: error });
  return new AppError('guestAgentFailed', `the guest cannot be thawed now: ${text}`, {
    hint: hints[kind] ?? 'See the log of qemu-guest-agent in the guest.',
    cause: error,
  });
}

/** Since when guests of a connection are frozen by us, epoch ms by UUID. Files that are not ours are skipped. */
export async function frozenSince(roots: Roots, uri: string): Promise<Map<string, number>> {
  const entries = await listFrozen(roots.frozen);
  return new Map(entries.filter((entry) => entry.uri === uri).map(({ domain, since }) => [domain, since]));
}

/**
 * Thaws every guest that a dead helper of ours left frozen: agent and helper killed, host restarted. Returns after at
 * most 10 s; what takes longer goes on for a quarter of an hour. Guests that a living helper holds are its business.
 */
export async function releaseFrozen(roots: Roots, log: Logger, signal?: AbortSignal): Promise<void> {
  const all = (await listFrozen(roots.frozen)).map((entry) => releaseOne(entry, roots, log, signal));
  await Promise.race([Promise.all(all), sleep(startLimitMs, undefined, { ref: false })]);
}

/** Never throws: nobody may wait for it any more. */
async function releaseOne(entry: FrozenEntry, roots: Roots, log: Logger, signal?: AbortSignal): Promise<void> {
  const { domain, since } = entry;
  try {
    if (await isAlive(entry.helper)) return;
    await setAgentTimeout(entry, answerSeconds).catch(() => undefined);
    await thawUntilDone(entry, { limitMs: releaseLimitMs, ...(signal === undefined ? {} : { signal }) });
    await removeFrozen(roots.frozen, domain);
    await resetAgentTimeout(entry);
    log.warn({ domain, since }, 'a guest that was left frozen is thawed');
  } catch (error) {
    log.error({ domain, since, cause: messageOf(error) }, 'a guest that was left frozen cannot be thawed now');
  }
}
