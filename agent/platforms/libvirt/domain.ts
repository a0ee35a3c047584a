import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { XmlElement } from './xml.ts';
import { attribute, childrenOf, find, parseXml, textOf } from './xml.ts';

const diskSchema = z.object({
  /** Target name: vda, sda. */
  target: z.string(),
  bus: z.string(),
  device: z.string(),
  /** file, block, network, volume, nvme, vhostuser. */
  sourceType: z.string(),
  /** Path of a file or block device; undefined for everything else. */
  path: z.string().optional(),
  format: z.string(),
  /** The guest cannot write it, or what it writes is thrown away at the end. */
  fixed: z.boolean(),
  serial: z.string().nullable(),
  bootOrder: z.number().int().nullable(),
});
export type DomainDisk = z.output<typeof diskSchema>;

const domainSchema = z.object({
  uuid: z.guid(),
  name: z.string().min(1),
  /** domain type: kvm or qemu. */
  type: z.string(),
  /** True while a QEMU process exists, paused ones included. */
  active: z.boolean(),
  cpus: z.number().int().nonnegative(),
  memoryBytes: z.number().int().nonnegative(),
  machine: z.string(),
  firmware: z.enum(['bios', 'efi']),
  secureBoot: z.boolean(),
  tpm: z.boolean(),
  guestAgent: z.enum(['connected', 'disconnected', 'none']),
  disks: z.array(diskSchema),
  nics: z.array(z.object({ mac: z.string(), model: z.string(), network: z.string() })),
  nvram: z.string().optional(),
  /** User that QEMU runs as; undefined when there is no DAC label. */
  owner: z.object({ uid: z.number().int(), gid: z.number().int() }).optional(),
});
export type Domain = z.output<typeof domainSchema>;

/** Reads what we need of a domain's XML. @throws AppError exportFailed when it is not what libvirt writes */
export function parseDomain(text: string): Domain {
  return readDomain(parseXml(text, 'the domain XML'));
}

/** @throws AppError exportFailed */
export function readDomain(root: XmlElement): Domain {
  const os = find(root, 'os');
  const devices = find(root, 'devices');
  const loader = find(os, 'loader');
  const nvram = find(os, 'nvram');
  const efi = attribute(os, 'firmware') === 'efi' || attribute(loader, 'type') === 'pflash';
  const result = domainSchema.safeParse({
    uuid: textOf(find(root, 'uuid')).toLowerCase(),
    name: textOf(find(root, 'name')),
    type: attribute(root, 'type') ?? '',
    active: root.attributes.has('id'),
    cpus: Number(textOf(find(root, 'vcpu')) || '0'),
    memoryBytes: bytesOf(find(root, 'memory')),
    machine: attribute(find(os, 'type'), 'machine') ?? '',
    firmware: efi ? 'efi' : 'bios',
    secureBoot: attribute(loader, 'secure') === 'yes' || hasSecureBoot(os),
    tpm: find(devices, 'tpm') !== undefined,
    guestAgent: guestAgentOf(devices),
    disks: childrenOf(devices, 'disk').flatMap(readDisk),
    nics: childrenOf(devices, 'interface').map(readNic),
    nvram: attribute(find(nvram, 'source'), 'file') ?? (textOf(nvram).trim() || undefined),
    owner: ownerOf(root),
  });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new AppError(
    'exportFailed',
    `the domain XML is unexpected at ${issue?.path.join('.') ?? '?'}: ${issue?.message ?? ''}`,
  );
}

const units: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

function bytesOf(element: XmlElement | undefined): number {
  return Number(textOf(element) || '0') * (units[attribute(element, 'unit') ?? 'KiB'] ?? 1024);
}

function hasSecureBoot(os: XmlElement | undefined): boolean {
  return childrenOf(find(os, 'firmware'), 'feature').some(
    (feature) => attribute(feature, 'name') === 'secure-boot' && attribute(feature, 'enabled') === 'yes',
  );
}

function guestAgentOf(devices: XmlElement | undefined): Domain['guestAgent'] {
  const targets = childrenOf(devices, 'channel').map((channel) => find(channel, 'target'));
  const agent = targets.find((target) => attribute(target, 'name') === 'org.qemu.guest_agent.0');
  if (agent === undefined) return 'none';
  return attribute(agent, 'state') === 'connected' ? 'connected' : 'disconnected';
}

/** CD-ROMs and floppies are media, not disks of the VM. */
function readDisk(element: XmlElement): z.input<typeof diskSchema>[] {
  const device = attribute(element, 'device') ?? 'disk';
  if (device === 'cdrom' || device === 'floppy') return [];
  const source = find(element, 'source');
  const order = attribute(find(element, 'boot'), 'order');
  return [
    {
      target: attribute(find(element, 'target'), 'dev') ?? '',
      bus: attribute(find(element, 'target'), 'bus') ?? '',
      device,
      sourceType: attribute(element, 'type') ?? 'file',
      path: attribute(source, 'file') ?? attribute(source, 'dev'),
      format: attribute(find(element, 'driver'), 'type') ?? 'raw',
      fixed: find(element, 'readonly') !== undefined || find(element, 'transient') !== undefined,
      serial: textOf(find(element, 'serial')) || null,
      bootOrder: order === undefined ? null : Number(order),
    },
  ];
}

function readNic(element: XmlElement): { mac: string; model: string; network: string } {
  const source = find(element, 'source');
  const network = attribute(source, 'network') ?? attribute(source, 'bridge') ?? attribute(source, 'dev');
  return {
    mac: attribute(find(element, 'mac'), 'address') ?? '',
    model: attribute(find(element, 'model'), 'type') ?? '',
    network: network ?? attribute(element, 'type') ?? '',
  };
}

function ownerOf(root: XmlElement): { uid: number; gid: number } | undefined {
  const label = childrenOf(root, 'seclabel').find((element) => attribute(element, 'model') === 'dac');
  return parseOwner(textOf(find(label, 'label')));
}

/** `+64055:+64055` as libvirt writes numeric owners; names are not looked up. */
export function parseOwner(label: string): { uid: number; gid: number } | undefined {
  const match = /^\+(\d{1,10}):\+(\d{1,10})$/u.exec(label.trim());
  return match === null ? undefined : { uid: Number(match[1]), gid: Number(match[2]) };
}
