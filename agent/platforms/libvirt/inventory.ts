import { stat } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';
import type { InventoryObject } from '../../../shared/model/vm.ts';
import { systemCode } from '../../disks/file-errors.ts';
import { readQcow2Header } from '../../disks/qcow2-header.ts';
import type { DomainDisk } from './domain.ts';
import { parseDomain } from './domain.ts';
import type { Virsh } from './virsh.ts';

/** Domains asked for in one call. */
const pageSize = 100;

const states: Readonly<Record<string, InventoryObject['state']>> = {
  '1': 'running',
  '2': 'running',
  '3': 'paused',
  '4': 'running',
  '5': 'shutOff',
  '6': 'crashed',
  '7': 'paused',
};

interface DomainStats {
  state: InventoryObject['state'];
  /** Virtual size in bytes by target. */
  capacities: Map<string, number>;
}

/**
 * Every domain of the connection, active or not, in two calls plus one per hundred domains.
 * @param frozen since when guests are frozen by us, epoch ms by UUID
 * @throws AppError platformUnreachable, programMissing
 */
export async function listDomains(
  virsh: Virsh,
  signal: AbortSignal,
  frozen: ReadonlyMap<string, number> = new Map(),
): Promise<InventoryObject[]> {
  const uuids = parseUuids(await virsh.run(['list', '--all', '--uuid'], signal));
  // --nowait: a domain that is busy must not hold up the list of the others.
  const stats = parseStats(await virsh.run(['domstats', '--raw', '--state', '--block', '--nowait'], signal));
  const rows: InventoryObject[] = [];
  for (let at = 0; at < uuids.length; at += pageSize) {
    for (const xml of await virsh.dumpAll(uuids.slice(at, at + pageSize), signal))
      rows.push(await describe(xml, stats, frozen));
  }
  return rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function describe(
  xml: string,
  stats: ReadonlyMap<string, DomainStats>,
  frozen: ReadonlyMap<string, number>,
): Promise<InventoryObject> {
  const domain = parseDomain(xml);
  const known = stats.get(domain.name);
  const disks: InventoryObject['disks'] = [];
  for (const disk of domain.disks) {
    disks.push({
      id: disk.target,
      format: disk.format,
      sizeBytes: known?.capacities.get(disk.target) ?? (await sizeOnDisk(disk)),
    });
  }
  const state = known?.state ?? (domain.active ? 'running' : 'shutOff');
  const frozenSince = frozen.get(domain.uuid) ?? null;
  return { uuid: domain.uuid, name: domain.name, state, guestAgent: domain.guestAgent, frozenSince, disks };
}

function parseUuids(text: string): string[] {
  return text.split('\n').flatMap((line) => /^\s*([0-9a-f-]{36})\s*$/u.exec(line)?.[1] ?? []);
}

/** Parses `virsh domstats --raw`: a heading per domain, then key=value lines. */
export function parseStats(text: string): Map<string, DomainStats> {
  const all = new Map<string, DomainStats>();
  let current: DomainStats | undefined;
  const names = new Map<string, string>();
  for (const line of text.split('\n')) {
    const heading = /^Domain: '(.*)'$/u.exec(line)?.[1];
    if (heading !== undefined) {
      current = { state: 'unknown', capacities: new Map() };
      names.clear();
      all.set(heading, current);
    } else if (current !== undefined) {
      readStat(line.trim(), current, names);
    }
  }
  return all;
}

function readStat(line: string, stats: DomainStats, names: Map<string, string>): void {
  const [, key = '', value = ''] = /^([a-z0-9.-]+)=(.*)$/u.exec(line) ?? [];
  if (key === 'state.state') stats.state = states[value] ?? 'unknown';
  const [, index, field] = /^block\.(\d+)\.(name|capacity)$/u.exec(key) ?? [];
  if (index === undefined) return;
  if (field === 'name') names.set(index, value);
  const target = names.get(index);
  if (field === 'capacity' && target !== undefined && /^\d{1,16}$/u.test(value))
    stats.capacities.set(target, Number(value));
}

/** The size when libvirt did not tell it; 0 when the file is not there or not ours to read. */
async function sizeOnDisk(disk: DomainDisk): Promise<number> {
  if (disk.path === undefined || disk.sourceType !== 'file') return 0;
  try {
    return disk.format === 'qcow2' ? (await readQcow2Header(disk.path)).sizeBytes : (await stat(disk.path)).size;
  } catch (error) {
    if (error instanceof AppError || systemCode(error) !== undefined) return 0;
    throw error;
  }
}
