import { join } from 'node:path';
import { AppError, hasCode } from '../../../shared/errors.ts';
import { backupXml } from './backup-job.ts';
import type { BeginPlan } from './begin-plan.ts';
import { lesserPlan } from './begin-plan.ts';
import { checkpointXml } from './checkpoints/checkpoint.ts';
import type { Opening } from './opening.ts';
import { withXmlFile } from './xml-file.ts';

/**
 * Begins the backup job, asking for less as long as libvirt refuses because of checkpoints. All within one freeze.
 * @param scratch folder for QEMU's scratch files
 * @returns what was begun
 * @throws AppError exportFailed, scratchFull, objectBusy, platformUnreachable
 */
export async function beginBackup(
  opening: Opening,
  wanted: BeginPlan,
  socket: string,
  scratch: string,
): Promise<BeginPlan> {
  let plan = wanted;
  for (let tries = 0; ; tries++) {
    try {
      await begin(opening, plan, socket, (target) => join(scratch, `scratch.${tries}.${target}`));
      return plan;
    } catch (error) {
      const less = isRefusal(error) && tries < opening.chosen.length + 2 ? lesserPlan(plan, error.message) : undefined;
      if (less === undefined) throw beginError(error);
      plan = less;
    }
  }
}

/** Not cancelled midway: libvirt would go on, and we would not know whether the job began. */
async function begin(
  { virsh, domain, chosen, request, roots }: Opening,
  { bases, tracked }: BeginPlan,
  socket: string,
  scratchOf: (target: string) => string,
): Promise<void> {
  const targets = chosen.map((disk) => disk.target);
  const all = domain.disks.map((disk) => disk.target);
  const others = all.filter((target) => !targets.includes(target));
  const text = backupXml({ socket, targets, others, bases, scratchOf });
  await withXmlFile(roots.run, text, async (path) => {
    if (tracked.length === 0) {
      await virsh.run(['backup-begin', domain.uuid, path]);
      return;
    }
    const { name } = request.checkpoint;
    const untracked = all.filter((target) => !tracked.includes(target));
    const checkpoint = checkpointXml(name, request.checkpoint, tracked, untracked);
    await withXmlFile(roots.run, checkpoint, (second) => virsh.run(['backup-begin', domain.uuid, path, second]));
  });
}

/** False for what asking for less would not change. */
function isRefusal(error: unknown): error is AppError {
  if (!hasCode(error, 'programFailed')) return false;
  return !/No space left|domain is not running|inactive domain/iu.test(error.message);
}

function beginError(error: unknown): unknown {
  if (!hasCode(error, 'programFailed')) return error;
  const text = error.message;
  if (/No space left/iu.test(text)) return new AppError('scratchFull', text, { cause: error });
  if (/domain is not running|inactive domain/iu.test(text)) {
    return new AppError('objectBusy', `the virtual machine was shut off at this moment: ${text}`, { cause: error });
  }
  return new AppError('exportFailed', text, { cause: error });
}
