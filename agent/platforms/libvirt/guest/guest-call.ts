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

/** Longest that libvirt may wait for an answer of the guest agent; -2 is its own default: for ever. */
export async function setAgentTimeout({ uri, domain }: GuestRef, seconds: number, signal?: AbortSignal): Promise<void> {
  await callGuest(uri, ['guest-agent-timeout', domain, `--timeout=${seconds}`], { timeoutMs: 10_000, signal });
}

/**
 * Puts libvirt's own default back. Whatever somebody else had set cannot be asked for and is lost; a failure leaves a
 * limit in place, which harms nobody.
 */
export async function resetAgentTimeout(guest: GuestRef): Promise<void> {
  await setAgentTimeout(guest, -2).catch(() => undefined);
}
