import type { ReadReason } from '../../../shared/model/read-reason.ts';

/** What backup-begin is asked for; it becomes less with every refusal. */
export interface BeginPlan {
  /** By target: the checkpoint since which changes are wanted. The other disks are read whole. */
  readonly bases: ReadonlyMap<string, string>;
  /** Targets that the new checkpoint shall cover; empty = no new checkpoint. */
  readonly tracked: readonly string[];
  /** By target: why a base that was wanted is not used. */
  readonly lost: ReadonlyMap<string, ReadReason>;
  /** Why there will be no new checkpoint although there should; undefined = nothing is wrong. */
  readonly untracked: string | undefined;
}

/** How libvirt's texts name a base that cannot be used; they end with the disk. */
const refusals: readonly { pattern: RegExp; reason: ReadReason }[] = [
  {
    pattern: /missing or broken bitmap '[^']*' for disk '(?<disk>[^']+)'/iu,
    reason: 'bitmapBroken',
  },
  {
    pattern: /Checkpoint '[^']*' for incremental backup of disk '(?<disk>[^']+)' not found/iu,
    reason: 'checkpointMissing',
  },
  { pattern: /disk '(?<disk>[^']+)' not found in checkpoint/iu, reason: 'checkpointMissing' },
  { pattern: /bitmap '[^']*' not found in backing chain of '(?<disk>[^']+)'/iu, reason: 'bitmapMissing' },
];

const untrackable = /checkpoint for disk (?<disk>\S+) unsupported for storage type/iu;

/**
 * What to ask for after a refusal: less of the disk that libvirt names, else everything read whole, at last without a
 * checkpoint.
 * @param text of libvirt's error
 * @returns undefined when nothing less can be asked for
 */
export function lesserPlan(plan: BeginPlan, text: string): BeginPlan | undefined {
  for (const { pattern, reason } of refusals) {
    const disk = pattern.exec(text)?.groups?.['disk'];
    if (disk !== undefined && plan.bases.has(disk)) return readWhole(plan, [disk], reason);
  }
  const disk = untrackable.exec(text)?.groups?.['disk'];
  if (disk !== undefined && plan.tracked.includes(disk)) {
    const tracked = plan.tracked.filter((target) => target !== disk);
    const less = { ...plan, tracked };
    return plan.bases.has(disk) ? readWhole(less, [disk], 'formatWithoutBitmap') : less;
  }
  if (plan.bases.size > 0) return readWhole(plan, [...plan.bases.keys()], 'bitmapBroken');
  if (plan.tracked.length > 0) return { ...plan, tracked: [], untracked: text };
  return undefined;
}

/** The plan with those disks read whole. */
export function readWhole(plan: BeginPlan, targets: readonly string[], reason: ReadReason): BeginPlan {
  const bases = new Map(plan.bases);
  const lost = new Map(plan.lost);
  for (const target of targets) {
    bases.delete(target);
    lost.set(target, reason);
  }
  return { ...plan, bases, lost };
}
