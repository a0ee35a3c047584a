import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError, messageOf } from '../../shared/errors.ts';
import { exists } from '../disks/exists.ts';
import { systemCode } from '../disks/file-errors.ts';
import { isAlive, processIdSchema } from '../disks/process-id.ts';
import { endBackupJob, libvirtJobSchema } from './libvirt/backup-job.ts';
import { madeCheckpointSchema, removeCheckpoint } from './libvirt/checkpoints/remove.ts';
import { madeOverlaysSchema } from './libvirt/overlay/overlays.ts';
import { settleOverlays } from './libvirt/overlay/settle.ts';
import { madeDomainSchema, removeDomain } from './libvirt/remove-domain.ts';
import { Virsh } from './libvirt/virsh.ts';
import { removeMadeFile } from './made-file.ts';
import type { Resource } from './platform.ts';
import type { Roots } from './roots.ts';

/** Where job folders may be; the agent's own roots are below these unless it was told otherwise. */
const knownRoots = ['/run/holdfast', '/var/lib/holdfast-scratch'];

const markedFolderSchema = z.object({
  path: z.string().startsWith('/'),
  marker: z.string().regex(/^\.holdfast-restore-[0-9a-f-]{36}$/u),
});

/**
 * Removes what a killed agent left behind. Doing it twice does no harm, and nothing is touched that is not provably ours.
 * @param roots of this agent, when they are not the usual ones
 * @returns true when it is gone; false when this kind is not a platform's, or what stands there now is not ours
 * @throws AppError when it is ours and cannot be removed now (libvirtd does not answer): try again later
 */
export async function releaseLeftover(resource: Resource, roots?: Roots): Promise<boolean> {
  switch (resource.kind) {
    case 'libvirtJob':
      await endBackupJob(parse(libvirtJobSchema, resource));
      await rm(parse(libvirtJobSchema, resource).socket, { force: true });
      return true;
    case 'libvirtCheckpoint':
      await removeCheckpoint(parse(madeCheckpointSchema, resource), folderOf(roots));
      return true;
    case 'libvirtOverlay':
      return (await settleOverlays(parse(madeOverlaysSchema, resource), folderOf(roots))).length === 0;
    case 'libvirtDomain': {
      const { uri, uuid } = parse(madeDomainSchema, resource);
      await removeDomain(new Virsh(uri), uuid);
      return true;
    }
    case 'process':
      return endProcess(resource);
    case 'folder':
      return resource.name.startsWith('{') ? removeMarked(resource) : removeJobFolder(resource.name, roots);
    case 'file':
      return removeMadeFile(resource.name);
    case 'repositoryLock':
    case 'repositoryTemp':
      return false;
  }
}

/** Where documents for virsh may lie. */
function folderOf(roots: Roots | undefined): string {
  return roots?.run ?? '/run/holdfast';
}

function parse<T extends z.ZodType>(schema: T, resource: Resource): z.output<T> {
  try {
    return schema.parse(JSON.parse(resource.name));
  } catch (error) {
    throw new AppError(
      'internal',
      `the journal's entry of kind ${resource.kind} cannot be understood: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

async function endProcess(resource: Resource): Promise<boolean> {
  const id = parse(processIdSchema, resource);
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const end = Date.now() + 3000;
    if (!(await isAlive(id))) return true;
    sendSignal(id.pid, signal);
    while (Date.now() < end && (await isAlive(id))) await sleep(20);
  }
  if (await isAlive(id)) throw new AppError('internal', `the process ${id.pid} (${id.program}) cannot be ended`);
  return true;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

/** A job folder is `<root>/<hwid8>/<job UUID>`, or `<root>/<job UUID>` below this agent's own roots. */
async function removeJobFolder(path: string, roots: Roots | undefined): Promise<boolean> {
  const parent = dirname(path);
  const isJob = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(basename(path));
  const ours = knownRoots.includes(dirname(parent)) || parent === roots?.run || parent === roots?.scratch;
  if (!isJob || !ours || path !== join(parent, basename(path))) return false;
  await rm(path, { recursive: true, force: true });
  return true;
}

/** The folder of an unfinished restore, known by the mark inside. */
async function removeMarked(resource: Resource): Promise<boolean> {
  const { path, marker } = parse(markedFolderSchema, resource);
  if (!(await exists(join(path, marker)))) return !(await exists(path));
  await rm(path, { recursive: true, force: true });
  return true;
}
