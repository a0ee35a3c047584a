import { AppError } from '../../../../shared/errors.ts';
import { runProgram } from '../../../../shared/node/run-program.ts';

/** A domain of a connection, which has a guest. */
export interface GuestRef {
  /** Connection URI of libvirt. */
  readonly uri: string;
  /** UUID of the domain. */
  readonly domain: string;
}

export interface CallLimits {
  /** How long virsh may take, milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Longest answer in bytes; guests are hostile. Default 1 MiB. */
  maxOutputBytes?: number;
}

/**
 * Runs one virsh command about a guest and returns its standard output. Unlike `Virsh.run` it is not quiet, since the
 * count of file systems would be left out, keeps the text of the guest agent, and limits time and length.
 * @throws AppError programFailed with libvirt's text, programMissing, timeout, cancelled
 */
export async function callGuest(uri: string, args: readonly string[], limits: CallLimits): Promise<string> {
  const { stdout } = await runProgram('virsh', ['--connect', uri, ...args], {
    maxOutputBytes: 1024 * 1024,
    ...limits,
  });
  return stdout;
}

/**
 * Runs several commands about a guest in one virsh: each run of the program costs some 30 ms, which a guest that is about
 * to be frozen should not wait for. All are run, whatever becomes of those before.
 * @param commands words that need no quoting
 * @throws AppError programFailed with the texts of all that failed, programMissing, timeout, cancelled
 */
export async function callGuestInOne(
  uri: string,
  commands: readonly (readonly string[])[],
  limits: CallLimits,
): Promise<void> {
  const unsafe = commands.flat().find((word) => !/^[A-Za-z0-9=-]+$/u.test(word));
  if (unsafe !== undefined) throw new AppError('internal', `${unsafe} cannot be part of a list of commands`);
  const { stderr, exitCode } = await runProgram(
    'virsh',
    ['--connect', uri, commands.map((words) => words.join(' ')).join('; ')],
    { maxOutputBytes: 1024 * 1024, ...limits, okCodes: [0, 1] },
  );
  // The exit code tells of the last command only.
  const isFailure = exitCode !== 0 || /^error:/mu.test(stderr);
  if (isFailure) throw new AppError('programFailed', `virsh: ${stderr.trim()}`);
}

/** One of such commands: longest that libvirt may wait for an answer of the guest agent, seconds. */
export function timeoutCommand(domain: string, seconds: number): readonly string[] {
  return ['guest-agent-timeout', domain, `--timeout=${seconds}`];
}

/** Longest that libvirt may wait for an answer of the guest agent; -2 is its own default: for ever. */
export async function setAgentTimeout({ uri, domain }: GuestRef, seconds: number, signal?: AbortSignal): Promise<void> {
  await callGuest(uri, timeoutCommand(domain, seconds), { timeoutMs: 10_000, signal });
}

/**
 * Puts libvirt's own default back. Whatever somebody else had set cannot be asked for and is lost; a failure leaves a
 * limit in place, which harms nobody.
 */
export async function resetAgentTimeout(guest: GuestRef): Promise<void> {
  await setAgentTimeout(guest, -2).catch(() => undefined);
}
