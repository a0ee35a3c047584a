import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { AppError, hasCode } from '../../../shared/errors.ts';
import { exists } from '../../disks/exists.ts';
import { systemCode } from '../../disks/file-errors.ts';
import type { ImageFormat } from '../../disks/image-format.ts';
import { canWrite } from '../../disks/new-disk.ts';
import { freeName, safeFileName } from '../new-name.ts';
import type { DeployRequest } from '../platform.ts';
import type { Domain } from './domain.ts';
import { readDomain } from './domain.ts';
import { folderProblems } from './reach.ts';
import { hostNeeds, logFiles, rewriteDomain } from './rewrite.ts';
import type { Virsh } from './virsh.ts';
import type { XmlElement } from './xml.ts';
import { formatXml, parseXml } from './xml.ts';

export const defaultStorage = '/var/lib/libvirt/images';

export interface PlannedDisk {
  path: string;
  format: ImageFormat;
  sizeBytes: number;
}

/** Everything that a deployment will make. */
export interface DeployPlan {
  name: string;
  uuid: string;
  xml: string;
  /** By disk id. */
  disks: ReadonlyMap<string, PlannedDisk>;
  nvram: { path: string; content: Buffer } | undefined;
  warnings: string[];
}

/**
 * Decides names and paths of the new VM and looks for everything that stands in its way.
 * @throws AppError deployImpossible naming every problem, platformUnreachable
 */
export async function planDeployment(request: DeployRequest, virsh: Virsh, signal: AbortSignal): Promise<DeployPlan> {
  const problems: string[] = [];
  const { root, domain } = savedDomain(request);
  const wanted = request.name ?? domain.name;
  if (!isPossibleName(wanted)) problems.push(`${JSON.stringify(wanted)} is no possible name for a virtual machine`);
  const name = await freeName(wanted, await takenNames(virsh, signal));
  const folder = await storageFolder(request, domain);
  problems.push(...(await folderProblems(folder, request.dataBytes, virsh, domain.type, signal)));
  const disks = await planDisks(request, domain, folder, name, problems);
  problems.push(...(await hostProblems(root, virsh, signal)));
  if (problems.length > 0) throw new AppError('deployImpossible', problems.join('; '));
  const uuid = randomUUID();
  const nvram = await planNvram(request, domain, name);
  const warnings = rewriteDomain(root, {
    name,
    uuid,
    disks: new Map([...disks].map(([id, { path, format }]) => [id, { path, format }])),
    nvram: nvram?.path,
    fileExists: existsSync,
  });
  return { name, uuid, xml: formatXml(root), disks, nvram, warnings };
}

function savedDomain(request: DeployRequest): { root: XmlElement; domain: Domain } {
  const saved = request.nativeFiles.get('domain.xml');
  if (saved === undefined) {
    throw new AppError('deployImpossible', 'the backup holds no domain.xml: it is not of a libvirt virtual machine', {
      hint: 'Restore its disks to a folder instead.',
    });
  }
  try {
    const root = parseXml(saved.toString('utf8'), 'domain.xml of the backup');
    return { root, domain: readDomain(root) };
  } catch (error) {
    if (hasCode(error, 'exportFailed')) throw new AppError('deployImpossible', error.message, { cause: error });
    throw error;
  }
}

/** What libvirt and file systems both accept. */
function isPossibleName(name: string): boolean {
  return name.trim() !== '' && safeFileName(name, '') === name;
}

async function takenNames(virsh: Virsh, signal: AbortSignal): Promise<(name: string) => boolean> {
  const names = (await virsh.run(['list', '--all', '--name'], signal)).split('\n').map((line) => line.trim());
  return (name) => names.includes(name);
}

async function storageFolder(request: DeployRequest, domain: Domain): Promise<string> {
  if (request.storage !== undefined) return request.storage;
  const first = domain.disks[0]?.path;
  if (first === undefined || !isAbsolute(first)) return defaultStorage;
  const folder = dirname(first);
  // Beside a block device there is no place for files.
  return !folder.startsWith('/dev') && (await isFolder(folder)) ? folder : defaultStorage;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (systemCode(error) !== undefined) return false;
    throw error;
  }
}

async function planDisks(
  request: DeployRequest,
  domain: Domain,
  folder: string,
  name: string,
  problems: string[],
): Promise<Map<string, PlannedDisk>> {
  const planned = new Map<string, PlannedDisk>();
  for (const disk of request.configuration.disks) {
    if (!domain.disks.some(({ target }) => target === disk.id))
      problems.push(`disk ${disk.id} is not in the saved domain`);
    const format: ImageFormat = disk.format === 'qcow2' ? 'qcow2' : 'raw';
    if (!(await canWrite(format))) problems.push(`disk ${disk.id} is qcow2, and qemu-utils is not installed`);
    const path = await freeFile(folder, `${name}-${safeFileName(disk.id, 'disk')}`, format);
    planned.set(disk.id, { path, format, sizeBytes: disk.sizeBytes });
  }
  return planned;
}

/** A path that does not exist yet: `stem.extension`, or `stem-2.extension` and so on. */
async function freeFile(folder: string, stem: string, extension: string): Promise<string> {
  const free = await freeName(stem, (candidate) => exists(join(folder, `${candidate}.${extension}`)));
  return join(folder, `${free}.${extension}`);
}

async function planNvram(request: DeployRequest, domain: Domain, name: string): Promise<DeployPlan['nvram']> {
  const content = request.nativeFiles.get('nvram.fd');
  if (content === undefined) return undefined;
  const usual = '/var/lib/libvirt/qemu/nvram';
  const old = domain.nvram === undefined ? usual : dirname(domain.nvram);
  const folder = (await isFolder(old)) ? old : usual;
  return { path: await freeFile(folder, `${name}_VARS`, 'fd'), content };
}

async function hostProblems(root: XmlElement, virsh: Virsh, signal: AbortSignal): Promise<string[]> {
  const needs = hostNeeds(root);
  const problems = needs.files
    .filter((path) => !existsSync(path))
    .map((path) => `the file ${path}, which the machine boots with, is not on this host`);
  if (needs.networks.length > 0) {
    const known = (await virsh.run(['net-list', '--all', '--name'], signal)).split('\n').map((line) => line.trim());
    problems.push(
      ...needs.networks.filter((name) => !known.includes(name)).map((name) => `libvirt has no network ${name}`),
    );
  }
  problems.push(
    ...needs.bridges
      .filter((name) => !existsSync(`/sys/class/net/${name}`))
      .map((name) => `the host has no bridge ${name}`),
  );
  const folders = new Set(logFiles(root).map((file) => dirname(file)));
  problems.push(
    ...[...folders]
      .filter((path) => !existsSync(path))
      .map((path) => `the folder ${path} of the console log does not exist`),
  );
  return problems;
}
