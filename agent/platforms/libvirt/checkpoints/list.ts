import { AppError } from '../../../../shared/errors.ts';
import type { Virsh } from '../virsh.ts';
import type { Checkpoint } from './checkpoint.ts';
import { isOurName, parseCheckpoint } from './checkpoint.ts';

/** Checkpoints of one domain as libvirt knows them. */
export interface CheckpointList {
  /** False when the connection knows no checkpoints at all (libvirt before 5.6, other drivers). */
  readonly supported: boolean;
  /** Ours, newest first in libvirt's own chain. */
  readonly ours: readonly Checkpoint[];
  /** Last of the chain, whoever made it: parent of the next one. */
  readonly leaf: string | undefined;
}

/** So many of ours are looked at; more than a handful are there only when something goes wrong. */
const maxRead = 200;

/**
 * @param uuid of the domain
 * @param known names that were just listed, parents before children
 * @throws AppError platformUnreachable, objectVanished, programFailed, cancelled
 */
export async function listCheckpoints(
  virsh: Virsh,
  uuid: string,
  { names: known, signal }: { names?: readonly string[] | undefined; signal?: AbortSignal } = {},
): Promise<CheckpointList> {
  const names = known ?? (await listNames(virsh, uuid, signal));
  if (names === undefined) return { supported: false, ours: [], leaf: undefined };
  const newest = names.filter(isOurName).toReversed().slice(0, maxRead);
  const documents = await virsh.runBatch(
    newest.map((name) => ['checkpoint-dumpxml', uuid, name, '--no-domain']),
    signal,
  );
  const found = new Map(splitCheckpoints(documents).map((checkpoint) => [checkpoint.name, checkpoint]));
  return { supported: true, ours: newest.flatMap((name) => found.get(name) ?? []), leaf: names.at(-1) };
}

/** undefined where the connection knows no checkpoints. */
async function listNames(virsh: Virsh, uuid: string, signal?: AbortSignal): Promise<string[] | undefined> {
  try {
    // Parents come before their children, so that no clock decides what is newest.
    const text = await virsh.run(['checkpoint-list', uuid, '--topological', '--name'], signal);
    return text.split('\n').filter((line) => line.trim() !== '');
  } catch (error) {
    if (error instanceof AppError && /not supported by the connection driver|unknown procedure/iu.test(error.message))
      return undefined;
    throw error;
  }
}

function splitCheckpoints(documents: string): Checkpoint[] {
  return (documents.match(/^<domaincheckpoint>.*?^<\/domaincheckpoint>$/gmsu) ?? []).map(parseCheckpoint);
}
