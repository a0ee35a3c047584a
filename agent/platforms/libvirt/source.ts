import { readFile, stat } from 'node:fs/promises';
import { AppError, messageOf } from '../../../shared/errors.ts';
import type { Quiesce } from '../../../shared/model/job.ts';
import type { VmConfiguration } from '../../../shared/model/vm.ts';
import type { SourceDisk } from '../../disks/disk.ts';
import { systemCode } from '../../disks/file-errors.ts';
import type { BackupSource, JobScope, OpenRequest, ProspectDisk, SourceProspect } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { checkIdle } from './backup-job.ts';
import { listCheckpoints } from './checkpoints/list.ts';
import { ColdDisks } from './cold-source.ts';
import type { Domain, DomainDisk } from './domain.ts';
import { parseDomain } from './domain.ts';
import { describeDomain } from './describe.ts';
import { GuestFreeze } from './guest/guest-freeze.ts';
import { LiveDisks } from './live-source.ts';
import type { OpenDisks, Opening } from './opening.ts';
import { SnapshotDisks } from './overlay/snapshot-source.ts';
import { prospectOf } from './prospect.ts';
import { Virsh } from './virsh.ts';

/** Variable stores are some hundred KiB; anything much larger is no NVRAM. Bytes. */
const maxNvramBytes = 64 * 1024 * 1024;

/** How the platform is set to read. */
export interface ReadSettings {
  readonly uri: string;
  readonly readPath: 'backup' | 'snapshot';
  readonly roots: Roots;
}

/**
 * Looks at a domain: its disks, and from which checkpoints of ours their changes could be read. The helper that will make
 * the guest stand still is started meanwhile.
 * @throws AppError objectVanished, diskUnsupported, exportFailed, platformUnreachable, cancelled
 */
export async function inspectDomain(
  settings: ReadSettings,
  uuid: string,
  scope: JobScope,
  quiesce: Quiesce,
): Promise<SourceProspect> {
  checkLocal(settings.uri);
  const first = await lookAt(settings, uuid, scope, quiesce);
  let open: Look | undefined = first;
  return {
    disks: first.disks,
    async open(request) {
      const look = await stillSo(first, async () => {
        await first.freeze.close();
        open = await lookAt(settings, uuid, scope, quiesce);
        return open;
      });
      const source = await openDomain(look, request, settings.roots, scope);
      // From here on the source closes it.
      open = undefined;
      return source;
    },
    close: async () => open?.freeze.close(),
  };
}

/** A domain as it was when it was looked at. */
interface Look extends Omit<Opening, 'request' | 'roots' | 'scope'> {
  readonly disks: readonly ProspectDisk[];
  readonly liveXml: string;
  readonly inactiveXml: string;
  readonly readPath: ReadSettings['readPath'];
  readonly signal: AbortSignal;
}

async function lookAt(
  { uri, readPath, roots }: ReadSettings,
  uuid: string,
  scope: JobScope,
  quiesce: Quiesce,
): Promise<Look> {
  const { signal } = scope;
  const virsh = new Virsh(uri);
  const helper = GuestFreeze.startHelper(quiesce, roots);
  const { liveXml, inactiveXml, names, domain } = await describe(virsh, uuid, signal).catch(async (error: unknown) => {
    await helper?.release(0);
    throw error;
  });
  const freeze = await GuestFreeze.prepare(virsh, domain, { quiesce, helper, roots, scope });
  try {
    const chosen = checkDisks(domain);
    const checkpoints = await listCheckpoints(virsh, domain.uuid, { names, signal });
    const disks: ProspectDisk[] = [];
    for (const disk of chosen) disks.push(await prospectOf(disk, domain, checkpoints, readPath, signal));
    const trackable = disks.filter(({ withoutChanges }) => withoutChanges === null).map(({ id }) => id);
    return { virsh, domain, chosen, checkpoints, trackable, disks, liveXml, inactiveXml, readPath, freeze, signal };
  } catch (error) {
    await freeze.close();
    throw error;
  }
}

async function describe(virsh: Virsh, uuid: string, signal: AbortSignal) {
  const found = await describeDomain(virsh, uuid, signal);
  return { ...found, domain: parseDomain(found.liveXml) };
}

/**
 * A VM that was started or shut off since it was looked at is read in the way that fits now.
 * @throws AppError objectBusy when it is another one by now, or has a job
 */
async function stillSo(first: Look, look: () => Promise<Look>): Promise<Look> {
  const { active } = await checkIdle(first.virsh, first.domain.uuid, first.signal);
  if (active === first.domain.active) return first;
  const now = await look();
  const targets = ({ chosen }: Look) => chosen.map(({ target }) => target).join(' ');
  if (targets(now) === targets(first)) return now;
  throw new AppError('objectBusy', `the disks of ${now.domain.name} are being changed at this moment`, {
    hint: 'Run it again.',
  });
}

/**
 * Opens a domain for reading: an active one through a backup job of libvirt or through snapshots, an inactive one through
 * its files.
 * @throws AppError objectBusy, diskMissing, exportFailed, scratchFull, diskUnsupported, platformUnreachable, cancelled
 */
async function openDomain(look: Look, request: OpenRequest, roots: Roots, scope: JobScope): Promise<BackupSource> {
  const { domain, chosen, liveXml, inactiveXml } = look;
  const nativeFiles = [
    { name: 'domain.xml', content: Buffer.from(inactiveXml, 'utf8') },
    ...(domain.active ? [{ name: 'domain-live.xml', content: Buffer.from(liveXml, 'utf8') }] : []),
    ...(await nvramOf(domain, scope)),
  ];
  const open = await openDisks({ ...look, request, roots, scope }, look.readPath);
  return {
    configuration: configurationOf(
      domain,
      chosen,
      open.disks.map(({ disk }) => disk),
    ),
    nativeFiles,
    disks: open.disks,
    takenAt: open.takenAt,
    settlesOnRelease: open.settlesOnRelease,
    broken: () => open.broken(),
    consistency: () => open.consistency(),
    release: () => open.release(),
    keepCheckpoint: async () => open.checkpoint?.keep(),
    dropCheckpoint: async () => open.checkpoint?.drop(),
  };
}

async function openDisks(opening: Opening, readPath: ReadSettings['readPath']): Promise<OpenDisks> {
  if (!opening.domain.active) return ColdDisks.open(opening);
  return readPath === 'snapshot' ? SnapshotDisks.open(opening) : LiveDisks.open(opening);
}

/** Sockets and files of another host cannot be reached. @throws AppError exportFailed */
function checkLocal(uri: string): void {
  if (/^[a-z]+(\+unix)?:\/\/\//u.test(uri)) return;
  throw new AppError('exportFailed', `the disks behind ${uri} are on another host`, {
    hint: 'Install the agent on the hypervisor and use qemu:///system there.',
  });
}

/** @throws AppError diskUnsupported */
function checkDisks(domain: Domain): DomainDisk[] {
  for (const { target, device } of domain.disks) {
    if (!/^[A-Za-z0-9._-]{1,64}$/u.test(target))
      throw new AppError('diskUnsupported', `a disk is called ${JSON.stringify(target)}`);
    if (device !== 'disk') {
      throw new AppError('diskUnsupported', `disk ${target} is passed through to the guest as ${device}`, {
        hint: 'QEMU does not see its content; protect it from inside the guest or change it to device=disk.',
      });
    }
  }
  return domain.disks;
}

async function nvramOf(domain: Domain, scope: JobScope): Promise<{ name: string; content: Buffer }[]> {
  if (domain.nvram === undefined) return [];
  try {
    const { size } = await stat(domain.nvram);
    if (size > maxNvramBytes) throw new AppError('diskUnsupported', `the NVRAM file ${domain.nvram} has ${size} bytes`);
    return [{ name: 'nvram.fd', content: await readFile(domain.nvram) }];
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    // A VM that was never started has none yet.
    if (systemCode(error) !== 'ENOENT') scope.warn(`the NVRAM file is not in the backup: ${messageOf(error)}`);
    return [];
  }
}

function configurationOf(domain: Domain, chosen: readonly DomainDisk[], disks: readonly SourceDisk[]): VmConfiguration {
  return {
    format: 1,
    uuid: domain.uuid,
    name: domain.name,
    platformKind: 'libvirt',
    cpus: domain.cpus,
    memoryBytes: domain.memoryBytes,
    machine: domain.machine,
    firmware: domain.firmware,
    secureBoot: domain.secureBoot,
    tpm: domain.tpm,
    guestAgent: domain.guestAgent !== 'none',
    disks: chosen.map((disk, at) => ({
      id: disk.target,
      name: disk.target,
      bus: disk.bus,
      bootOrder: disk.bootOrder,
      format: disk.format,
      sizeBytes: disks[at]?.sizeBytes ?? 0,
      serial: disk.serial,
      sourcePath: disk.path ?? '',
    })),
    nics: domain.nics.map((nic, at) => ({ id: `nic${at}`, ...nic })),
    tags: [],
    capturedAt: new Date().toISOString(),
  };
}
