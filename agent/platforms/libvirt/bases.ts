import type { ReadReason } from '../../../shared/model/read-reason.ts';
import { AppError, hasCode } from '../../../shared/errors.ts';
import { readBitmaps } from '../../disks/qcow2-bitmaps.ts';
import type { BeginPlan } from './begin-plan.ts';
import { readWhole } from './begin-plan.ts';
import { redefineCheckpoint } from './checkpoints/redefine.ts';
import type { Opening } from './opening.ts';

/**
 * Makes bases known to libvirt again of which only the bitmaps are left, as when the VM was undefined and defined again.
 * Else they could not be used while the VM runs, and nobody would ever remove them.
 * @returns the same with the checkpoints as they are then
 * @throws AppError platformUnreachable, cancelled
 */
export async function restoreBases(opening: Opening): Promise<Opening> {
  let now = opening;
  for (const name of unknownBases(opening)) {
    const targets = await holdersOf(opening, name);
    if (targets.length === 0) continue;
    try {
      const restored = await redefineCheckpoint(now, name, targets);
      const { checkpoints } = now;
      now = { ...now, checkpoints: { ...checkpoints, ours: [restored, ...checkpoints.ours], leaf: name } };
    } catch (error) {
      // libvirt or QEMU finds the bitmap wanting: then it is no base.
      if (!hasCode(error, 'programFailed')) throw error;
    }
  }
  return now;
}

/** Bases that libvirt does not know. */
export function unknownBases({ request, checkpoints }: Opening): Set<string> {
  const known = new Set(checkpoints.ours.map(({ name }) => name));
  return new Set([...request.bases.values()].filter((name) => !known.has(name)));
}

/** Targets that shall be read since a checkpoint; those whose images have the bitmap, where the images can tell. */
async function holdersOf({ domain, chosen, request, scope }: Opening, name: string): Promise<string[]> {
  const wanting = chosen.filter(({ target }) => request.bases.get(target) === name);
  // While it runs QEMU alone knows all its bitmaps, and is asked by libvirt.
  if (domain.active) return wanting.map(({ target }) => target);
  const holders: string[] = [];
  for (const { target, path } of wanting) {
    if (path === undefined) continue;
    const bitmaps = await readBitmaps(path, scope.signal);
    if (bitmaps.some((bitmap) => bitmap.name === name && !bitmap.inUse)) holders.push(target);
  }
  return holders;
}

/** What the job wishes, as far as the disks and libvirt's checkpoints can. */
export function firstPlan(opening: Opening): BeginPlan {
  const { request, trackable } = opening;
  const unknown = unknownBases(opening);
  const plan: BeginPlan = {
    bases: new Map([...request.bases].filter(([target]) => trackable.includes(target))),
    tracked: trackable,
    lost: new Map(),
    untracked: undefined,
  };
  const targets = [...plan.bases].filter(([, base]) => unknown.has(base)).map(([target]) => target);
  return readWhole(plan, targets, 'checkpointMissing');
}

/**
 * Why a disk is read whole, as exactly as can be told. libvirt has one text for bitmaps that are broken and those that are
 * not there; a broken one is still in the file.
 */
export async function whyLost(
  { request, scope }: Opening,
  { lost }: BeginPlan,
  target: string,
  path: string | undefined,
): Promise<ReadReason | undefined> {
  const base = request.bases.get(target);
  if (base === undefined) return undefined;
  const reason = lost.get(target) ?? 'bitmapMissing';
  if (reason !== 'bitmapBroken' || path === undefined) return reason;
  try {
    const found = await readBitmaps(path, scope.signal);
    return found.some(({ name }) => name === base) ? 'bitmapBroken' : 'bitmapMissing';
  } catch (error) {
    // It only makes the sentence better.
    if (error instanceof AppError && error.code !== 'cancelled') return reason;
    throw error;
  }
}
