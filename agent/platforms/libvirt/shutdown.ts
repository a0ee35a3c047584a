import type { Consistency } from '../../../shared/model/job.ts';
import type { Virsh } from './virsh.ts';

/** How a domain that is not active came to rest. */
export interface Shutdown {
  readonly level: Consistency;
  /** Why its file systems are not in order; null = they are, or nobody knows. */
  readonly problem: string | null;
}

const problems: Readonly<Record<string, string>> = {
  destroyed: 'the virtual machine had been switched off hard',
  crashed: 'the virtual machine had crashed',
  failed: 'the virtual machine had failed to start or to run',
};

/** Asks libvirt for the reason of the state. @throws AppError platformUnreachable, objectVanished, cancelled */
export async function readShutdown(virsh: Virsh, uuid: string, signal: AbortSignal): Promise<Shutdown> {
  return parseShutdown(await virsh.run(['domstate', uuid, '--reason'], signal));
}

/** @param text as virsh domstate --reason prints it */
export function parseShutdown(text: string): Shutdown {
  const reason = /\(([^)]*)\)/u.exec(text)?.[1] ?? '';
  if (reason === 'shutdown') return { level: 'filesystem', problem: null };
  const why = problems[reason];
  return { level: 'crash', problem: why === undefined ? null : `${why}: the disks are as after a power failure` };
}

/** True when the domain's memory is on disk and will go on where it was. */
export async function hasSavedState(virsh: Virsh, uuid: string, signal: AbortSignal): Promise<boolean> {
  return /^Managed save:\s+yes/mu.test(await virsh.run(['dominfo', uuid], signal));
}
