import { randomBytes, randomUUID } from 'node:crypto';
import { rewriteCharacterDevices } from './rewrite-characters.ts';
import type { XmlElement } from './xml.ts';
import { attribute, childrenOf, find, makeElement, removeChildren, setText, textOf, walk } from './xml.ts';

/** Where a restored VM differs from the one that was backed up. */
export interface Rewriting {
  name: string;
  uuid: string;
  /** New image by target name. */
  disks: ReadonlyMap<string, { path: string; format: string }>;
  /** New variable store; undefined lets libvirt make one from its template. */
  nvram: string | undefined;
  /** True for a file that is there on this host. */
  fileExists(path: string): boolean;
}

/**
 * Changes everything in a domain that would collide with the original while both exist: names, UUIDs, MACs, files,
 * sockets, ports, CIDs. What is not known to collide stays as it is.
 * @param domain changed in place
 * @returns sentences for the operator
 */
export function rewriteDomain(domain: XmlElement, to: Rewriting): string[] {
  const warnings: string[] = [];
  domain.attributes.delete('id');
  setText(domain, 'name', to.name);
  setText(domain, 'uuid', to.uuid);
  if (find(domain, 'genid') !== undefined) setText(domain, 'genid', randomUUID());
  rewriteSmbios(domain, to.uuid);
  rewriteNvram(find(domain, 'os'), to.nvram, warnings);
  const devices = find(domain, 'devices');
  if (devices !== undefined) {
    rewriteDisks(devices, to, warnings);
    rewriteInterfaces(devices);
    rewriteCharacterDevices(devices, to.name, warnings);
    rewriteGraphics(devices);
    rewriteVsock(devices);
    rewriteEmulator(devices, to, warnings);
    if (find(devices, 'tpm') !== undefined)
      warnings.push('the virtual TPM starts empty: its secrets are not part of a backup');
    if (find(devices, 'hostdev') !== undefined)
      warnings.push('devices of the host are passed through; the original and the copy cannot run at once');
  }
  if (find(domain, 'qemu:commandline') !== undefined)
    warnings.push('arguments for the QEMU command line were kept as they are');
  return warnings;
}

/** libvirt refuses a domain whose SMBIOS names another UUID. */
function rewriteSmbios(domain: XmlElement, uuid: string): void {
  for (const sysinfo of childrenOf(domain, 'sysinfo')) {
    for (const entry of childrenOf(find(sysinfo, 'system'), 'entry')) {
      if (attribute(entry, 'name') === 'uuid') entry.children = [uuid];
    }
  }
}

function rewriteNvram(os: XmlElement | undefined, path: string | undefined, warnings: string[]): void {
  const nvram = find(os, 'nvram');
  if (os === undefined || nvram === undefined) {
    if (os !== undefined && path !== undefined) os.children.push(makeElement('nvram', {}, [path]));
    return;
  }
  if (path === undefined) warnings.push('the backup holds no NVRAM: boot entries and Secure Boot keys start afresh');
  nvram.attributes.delete('type');
  nvram.children = path === undefined ? [] : [path];
  if (path === undefined && nvram.attributes.size === 0) removeChildren(os, 'nvram');
}

function rewriteDisks(devices: XmlElement, to: Rewriting, warnings: string[]): void {
  devices.children = devices.children.filter((disk) => {
    if (typeof disk === 'string' || disk.name !== 'disk') return true;
    const device = attribute(disk, 'device') ?? 'disk';
    const target = attribute(find(disk, 'target'), 'dev') ?? '';
    if (device === 'cdrom' || device === 'floppy') {
      rewriteMedium(disk, target, to, warnings);
      return true;
    }
    const image = to.disks.get(target);
    if (image === undefined) {
      warnings.push(`disk ${target} is not in the backup and was left out`);
      return false;
    }
    rewriteDisk(disk, image);
    return true;
  });
}

function rewriteDisk(disk: XmlElement, image: { path: string; format: string }): void {
  const wasFile = attribute(disk, 'type') === 'file';
  disk.attributes.set('type', 'file');
  disk.attributes.delete('snapshot');
  const driver = find(disk, 'driver') ?? makeElement('driver', { name: 'qemu' });
  driver.attributes.set('type', image.format);
  // Ways of input and output that suit a device or a network need not suit a file.
  if (!wasFile) driver.attributes.delete('io');
  removeChildren(disk, 'driver', 'source', 'backingStore', 'mirror', 'auth', 'encryption');
  disk.children.unshift(driver, makeElement('source', { file: image.path }));
}

/** A CD stays in its drive when its file is on this host. */
function rewriteMedium(disk: XmlElement, target: string, to: Rewriting, warnings: string[]): void {
  const source = find(disk, 'source');
  const file = attribute(source, 'file');
  removeChildren(disk, 'backingStore');
  source?.attributes.delete('index');
  if (source === undefined || (file !== undefined && to.fileExists(file))) return;
  removeChildren(disk, 'source');
  warnings.push(`the drive ${target} is empty now: ${file ?? 'its medium'} is not on this host`);
}

function rewriteInterfaces(devices: XmlElement): void {
  for (const nic of childrenOf(devices, 'interface')) {
    removeChildren(nic, 'mac', 'target');
    nic.children.unshift(makeElement('mac', { address: newMac() }));
    for (const parameters of childrenOf(find(nic, 'virtualport'), 'parameters')) {
      parameters.attributes.delete('interfaceid');
      parameters.attributes.delete('instanceid');
    }
  }
}

/** An address in the range that QEMU and KVM own. */
function newMac(): string {
  return ['52', '54', '00', ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

function rewriteGraphics(devices: XmlElement): void {
  for (const graphics of childrenOf(devices, 'graphics')) {
    for (const name of ['tlsPort', 'websocket', 'socket']) graphics.attributes.delete(name);
    if (graphics.attributes.has('port')) {
      graphics.attributes.set('port', '-1');
      graphics.attributes.set('autoport', 'yes');
    }
    for (const listen of childrenOf(graphics, 'listen')) listen.attributes.delete('socket');
  }
}

function rewriteVsock(devices: XmlElement): void {
  for (const vsock of childrenOf(devices, 'vsock')) {
    for (const cid of childrenOf(vsock, 'cid')) cid.attributes = new Map([['auto', 'yes']]);
  }
}

function rewriteEmulator(devices: XmlElement, to: Rewriting, warnings: string[]): void {
  const emulator = textOf(find(devices, 'emulator')).trim();
  if (emulator === '' || to.fileExists(emulator)) return;
  removeChildren(devices, 'emulator');
  warnings.push(`the emulator ${emulator} is not on this host; libvirt's own choice is used`);
}

/** What the domain needs of its host, beside disks. */
export interface HostNeeds {
  files: string[];
  networks: string[];
  bridges: string[];
}

/** Files, networks and bridges without which the domain cannot be started here. */
export function hostNeeds(domain: XmlElement): HostNeeds {
  const os = find(domain, 'os');
  const boot = ['kernel', 'initrd', 'dtb', 'loader'].map((name) => textOf(find(os, name)).trim());
  const nics = childrenOf(find(domain, 'devices'), 'interface');
  const of = (name: 'network' | 'bridge') => {
    const wanted = nics.filter((nic) => attribute(nic, 'type') === name);
    return [...new Set(wanted.flatMap((nic) => attribute(find(nic, 'source'), name) ?? []))];
  };
  return { files: boot.filter((path) => path.startsWith('/')), networks: of('network'), bridges: of('bridge') };
}

/** Console log files of a domain, for a look whether their folders exist. */
export function logFiles(domain: XmlElement): string[] {
  return [...walk(domain)].filter(({ name }) => name === 'log').flatMap((log) => attribute(log, 'file') ?? []);
}
