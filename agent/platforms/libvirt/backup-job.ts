import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { Virsh } from './virsh.ts';
import { attribute, find, formatXml, makeElement, parseXml } from './xml.ts';

/** How a backup job of ours is known again after the agent was killed. */
export const libvirtJobSchema = z.object({ uri: z.string(), domain: z.guid(), socket: z.string() });
export type LibvirtJob = z.output<typeof libvirtJobSchema>;

/** libvirt needs up to 30 s to notice that a guest has powered itself off. */
const endLimitMs = 60_000;

/** A libvirtd that is restarted answers again within a second or two. */
const restartLimitMs = 15_000;

export interface BackupWish {
  readonly socket: string;
  /** Targets to read. */
  readonly targets: readonly string[];
  /** All other disks of the domain. */
  readonly others: readonly string[];
  /** By target: the checkpoint since which changes are wanted. */
  readonly bases: ReadonlyMap<string, string>;
  /** Path of the scratch file that QEMU shall make for a disk; it must not exist. */
  readonly scratchOf: (target: string) => string;
}

/** The document for backup-begin in pull mode (https://libvirt.org/formatbackup.html). */
export function backupXml({ socket, targets, others, bases, scratchOf }: BackupWish): string {
  const disks = targets.map((name) => {
    const base = bases.get(name);
    const mode = base === undefined ? { backupmode: 'full' } : { backupmode: 'incremental', incremental: base };
    return makeElement('disk', { name, backup: 'yes', type: 'file', exportname: name, ...mode }, [
      makeElement('driver', { type: 'qcow2' }),
      makeElement('scratch', { file: scratchOf(name) }),
    ]);
  });
  const left = others.map((name) => makeElement('disk', { name, backup: 'no' }));
  const server = makeElement('server', { transport: 'unix', socket });
  return formatXml(
    makeElement('domainbackup', { mode: 'pull' }, [server, makeElement('disks', {}, [...disks, ...left])]),
  );
}

/** Metadata context of the NBD export in which an incremental backup serves what changed. */
export function changesContext(target: string): string {
  return `qemu:dirty-bitmap:backup-${target}`;
}

/**
 * Whether a domain is active, and that no job runs on it: beginning another would block for 30 s.
 * @throws AppError objectBusy, objectVanished
 */
export async function checkIdle(virsh: Virsh, uuid: string, signal: AbortSignal): Promise<{ active: boolean }> {
  const commands = [
    ['domstate', uuid],
    ['domjobinfo', uuid, '--rawstats'],
  ];
  const info = await virsh.runBatch(commands, signal);
  const state = info.split('\n', 1)[0]?.trim() ?? '';
  // What it says when it cannot say the state is an error that the single command tells.
  if (state === '') await virsh.run(['domstate', uuid], signal);
  const active = !['shut off', 'crashed'].includes(state);
  if (active) await refuseJob(virsh, uuid, info);
  return { active };
}

async function refuseJob(virsh: Virsh, uuid: string, info: string): Promise<void> {
  const type = /^\s*Job type:\s*(\S+)/mu.exec(info)?.[1] ?? '0';
  if (type === '0' || type === 'None') return;
  const socket = await jobSocket(virsh, uuid);
  const whose = socket === undefined ? 'another job (migration, save or dump)' : `a backup with the socket ${socket}`;
  throw new AppError('objectBusy', `${whose} is running on the virtual machine`, {
    hint: 'Wait for it, or end it on the client: virsh domjobabort.',
  });
}

/** Socket of the backup job of a domain; undefined when there is none, or no domain. */
async function jobSocket(virsh: Virsh, uuid: string): Promise<string | undefined> {
  try {
    return socketIn(await virsh.run(['backup-dumpxml', uuid]));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** The same, and what `domstate --reason` says, with one program. */
async function jobAndState(virsh: Virsh, uuid: string): Promise<{ socket: string | undefined; state: string }> {
  const commands = [
    ['domstate', uuid, '--reason'],
    ['backup-dumpxml', uuid],
  ];
  const { stdout, stderr } = await virsh.runAll(commands);
  const [state = ''] = stdout.split('\n', 1);
  const xml = stdout.slice(state.length).trim();
  if (xml !== '') return { socket: socketIn(xml), state };
  if (state !== '' && noJob.test(stderr)) return { socket: undefined, state };
  // Something is wrong, which the single command tells.
  return { socket: await jobSocket(virsh, uuid), state };
}

function socketIn(xml: string): string {
  return attribute(find(parseXml(xml, 'the backup job'), 'server'), 'socket') ?? '';
}

const noJob = /no domain backup job present|no job is active|domain is not running/iu;

function isGone(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  if (error.code === 'objectVanished') return true;
  return error.code === 'programFailed' && noJob.test(error.message);
}

/**
 * Ends a backup job when it is the one with that socket, and waits until libvirt has let go of it. Ending it is the normal
 * end of a pull backup. Nothing happens to a job that is not ours. A guest that QEMU stopped for want of room goes on.
 * @throws AppError exportFailed when the job is still there after a minute, platformUnreachable
 */
export async function endBackupJob(job: LibvirtJob): Promise<void> {
  const virsh = new Virsh(job.uri);
  const startedAt = Date.now();
  let why = 'it does not end';
  let ended = false;
  for (let tries = 0; ; tries++) {
    const waited = Date.now() - startedAt;
    try {
      const { socket, state } = await jobAndState(virsh, job.domain);
      if (socket !== job.socket) {
        if (ended) await letGoOn(virsh, job.domain, state);
        return;
      }
      await virsh.run(['domjobabort', job.domain]);
      ended = true;
    } catch (error) {
      if (!(error instanceof AppError) || !(waited < patienceMs(error))) throw error;
      why = messageOf(error);
    }
    if (waited > endLimitMs) throw stuck(job, why);
    await sleep(Math.min(50, 5 * 2 ** tries));
  }
}

/** A guest that was stopped because its scratch file could not grow goes on: writing needs no room there any more. */
async function letGoOn(virsh: Virsh, domain: string, state: string): Promise<void> {
  if (/paused \(I\/O error\)/u.test(state)) await virsh.run(['resume', domain]);
}

/** How long an error may pass by itself. */
function patienceMs({ code }: AppError): number {
  // libvirtd is being restarted, as in an upgrade: the job goes on meanwhile.
  if (code === 'platformUnreachable') return restartLimitMs;
  // Ended by itself between question and order, or the guest is just powering off.
  return ['programFailed', 'objectBusy', 'objectVanished'].includes(code) ? Number.POSITIVE_INFINITY : 0;
}

function stuck(job: LibvirtJob, why: string): AppError {
  return new AppError('exportFailed', `the backup job on ${job.domain} cannot be ended: ${why}`, {
    hint: 'End it on the client: virsh domjobabort, and if the guest hangs in shutdown: virsh destroy.',
  });
}
