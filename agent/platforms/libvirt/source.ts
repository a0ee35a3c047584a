import { readFile, stat } from 'node:fs/promises';
import { AppError, messageOf } from '../../../shared/errors.ts';
import type { VmConfiguration } from '../../../shared/model/vm.ts';
import type { SourceDisk } from '../../disks/disk.ts';
import { systemCode } from '../../disks/file-errors.ts';
import type { BackupSource, JobScope } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { ColdDisks } from './cold-source.ts';
import type { Domain, DomainDisk } from './domain.ts';
import { parseDomain } from './domain.ts';
import { LiveDisks } from './live-source.ts';
import { Virsh } from './virsh.ts';

/** Variable stores are some hundred KiB; anything much larger is no NVRAM. Bytes. */
const maxNvramBytes = 64 * 1024 * 1024;

interface OpenDisks {
  readonly disks: readonly SourceDisk[];
  readonly takenAt: number;
  broken(): string | undefined;
  consistent(): boolean;
  release(): Promise<void>;
}

/**
 * Opens a domain for reading: an active one through a backup job of libvirt, an inactive one through its files.
 * @throws AppError objectVanished, objectBusy, diskMissing, diskUnsupported, exportFailed, platformUnreachable, cancelled
 */
export async function openDomain(uri: string, uuid: string, roots: Roots, scope: JobScope): Promise<BackupSource> {
  checkLocal(uri);
  const virsh = new Virsh(uri);
  const liveXml = await virsh.run(['dumpxml', uuid], scope.signal);
  const inactiveXml = await virsh.run(['dumpxml', '--inactive', uuid], scope.signal);
  const domain = parseDomain(liveXml);
  const chosen = checkDisks(domain);
  const nativeFiles = [
    { name: 'domain.xml', content: Buffer.from(inactiveXml, 'utf8') },
    ...(domain.active ? [{ name: 'domain-live.xml', content: Buffer.from(liveXml, 'utf8') }] : []),
    ...(await nvramOf(domain, scope)),
  ];
  if (!domain.active) await warnOfSavedState(virsh, domain, scope);
  const open: OpenDisks = await (domain.active ? LiveDisks : ColdDisks).open(virsh, domain, chosen, roots, scope);
  return {
    configuration: configurationOf(domain, chosen, open.disks),
    nativeFiles,
    disks: open.disks,
    takenAt: open.takenAt,
    broken: () => open.broken(),
    consistent: () => open.consistent(),
    release: () => open.release(),
  };
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

async function warnOfSavedState(virsh: Virsh, domain: Domain, scope: JobScope): Promise<void> {
  const info = await virsh.run(['dominfo', domain.uuid], scope.signal);
  if (/^Managed save:\s+yes/mu.test(info)) {
    scope.warn(
      `${domain.name} is suspended to disk; its memory is not in the backup, the disks are as after a power failure`,
    );
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
