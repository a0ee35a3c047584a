import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../../../shared/errors.ts';
import { abortReason, throwIfAborted } from '../../../disks/extents.ts';
import { cleanText } from './clean-text.ts';
import { maxAnswerBytes, parseExecAnswer, parseStatusAnswer } from './guest-agent-answers.ts';
import { callGuest, type GuestRef } from './guest-call.ts';
import { type GuestFailure, readGuestFailure } from './guest-failure.ts';

/** How long libvirt waits for one answer of the agent, seconds. */
const answerSeconds = 5;
const firstPauseMs = 50;
const longestPauseMs = 1000;

/**
 * Runs a program inside the guest through its agent, without a shell and without arguments, and waits for its end.
 * A program that does not end in time is not stopped: the agent cannot do that.
 * @param path absolute path inside the guest
 * @param timeoutSeconds how long the program may run
 * @returns what went wrong as a sentence with what to do; undefined when it ended with code 0
 * @throws AppError cancelled
 */
export async function runGuestScript(
  guest: GuestRef,
  path: string,
  timeoutSeconds: number,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const name = `the script ${cleanText(path, 300)} in the guest`;
  try {
    const end = Date.now() + timeoutSeconds * 1000;
    const pid = parseExecAnswer(await ask(guest, 'guest-exec', { path, arg: [], 'capture-output': true }, signal));
    if (pid === undefined) return `${name} was not run: the guest agent answered nonsense; update qemu-guest-agent`;
    return await waitForEnd(guest, { name, pid, end, timeoutSeconds }, signal);
  } catch (error) {
    if (signal?.aborted === true) throw abortReason(signal);
    if (!(error instanceof AppError)) throw error;
    return notRun(name, readGuestFailure(error));
  }
}

interface Running {
  name: string;
  pid: number;
  /** Epoch ms. */
  end: number;
  timeoutSeconds: number;
}

async function waitForEnd(guest: GuestRef, running: Running, signal?: AbortSignal): Promise<string | undefined> {
  const { name, pid, end, timeoutSeconds } = running;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const status = parseStatusAnswer(await ask(guest, 'guest-exec-status', { pid }, signal));
    if (status === undefined) return `${name} was lost: the guest agent answered nonsense; update qemu-guest-agent`;
    if (status.exited) {
      if (status.exitCode === 0) return undefined;
      const how = status.exitCode === undefined ? `by signal ${status.signal ?? '?'}` : `with code ${status.exitCode}`;
      const output = cleanText(status.output);
      return `${name} ended ${how}; see why there${output === '' ? '' : `: ${output}`}`;
    }
    if (Date.now() >= end)
      return `${name} did not end within ${timeoutSeconds} s and is left running there; make it faster or raise the script time-out`;
    await pause(Math.min(pauseMs, Math.max(1, end - Date.now())), signal);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return sleep(ms);
  throwIfAborted(signal);
  await sleep(ms, undefined, { signal });
}

async function ask(guest: GuestRef, execute: string, args: object, signal: AbortSignal | undefined): Promise<string> {
  const command = JSON.stringify({ execute, arguments: args });
  return callGuest(guest.uri, ['qemu-agent-command', guest.domain, `--timeout=${answerSeconds}`, '--cmd', command], {
    timeoutMs: (answerSeconds + 10) * 1000,
    signal,
    maxOutputBytes: maxAnswerBytes,
  });
}

function notRun(name: string, { kind, text }: GuestFailure): string {
  switch (kind) {
    case 'notConnected':
    case 'noChannel':
      return `${name} was not run, because no guest agent is connected: install qemu-guest-agent in the guest and start it`;
    case 'hangs':
      return `${name} was not run to its end, because the guest agent does not answer: restart qemu-guest-agent in the guest (${text})`;
    case 'disabled':
      return `${name} was not run, because the guest agent does not allow it: take guest-exec and guest-exec-status out of the blocked commands of qemu-ga in the guest (${text})`;
    case 'alreadyFrozen':
      return `${name} was not run, because the guest is frozen: thaw it`;
    case 'answered':
    case 'denied':
      return `${name} was not run: does it exist there, and may it be executed? (${text})`;
    default:
      return `${name} was not run: ${text}`;
  }
}
