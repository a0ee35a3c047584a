import type { Virsh } from './virsh.ts';

/** What libvirt says of a domain. */
export interface Description {
  /** As it is now, and as it will be at its next start; the same for a domain that is shut off. */
  readonly liveXml: string;
  readonly inactiveXml: string;
  /** Names of its checkpoints, parents before children; undefined when there may be none or no support for them. */
  readonly names: readonly string[] | undefined;
}

/**
 * Asks for all of it with one connection, since a call costs some 30 ms whatever it asks.
 * @param uuid lower case
 * @throws AppError objectVanished, platformUnreachable, programFailed, cancelled
 */
export async function describeDomain(virsh: Virsh, uuid: string, signal: AbortSignal): Promise<Description> {
  const text = await virsh.runBatch(
    [
      ['dumpxml', uuid],
      ['dumpxml', uuid, '--inactive'],
      ['checkpoint-list', uuid, '--topological', '--name'],
    ],
    signal,
  );
  const documents = [...text.matchAll(/^<domain[ >].*?^<\/domain>$/gmsu)];
  const [live, inactive] = documents;
  if (live === undefined || inactive === undefined) {
    // The single commands say what is wrong.
    const liveXml = await virsh.run(['dumpxml', uuid], signal);
    return { liveXml, inactiveXml: await virsh.run(['dumpxml', '--inactive', uuid], signal), names: undefined };
  }
  const rest = text.slice(inactive.index + inactive[0].length);
  const names = rest.split('\n').filter((line) => line.trim() !== '');
  return { liveXml: live[0], inactiveXml: inactive[0], names: names.length === 0 ? undefined : names };
}
