import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { hasCode, messageOf } from '../../../shared/errors.ts';
import { runProgram } from '../../../shared/node/run-program.ts';
import { systemCode } from '../../disks/file-errors.ts';
import { findProgram } from '../../disks/find-program.ts';
import { parseOwner } from './domain.ts';
import type { Virsh } from './virsh.ts';
import { attribute, childrenOf, find, parseXml, textOf } from './xml.ts';

/**
 * Why disks cannot be put into a folder: missing, not writable, too full, out of QEMU's reach. Empty when they can.
 * @param neededBytes what will be written, undefined when nobody knows
 * @param domainType kvm or qemu: libvirt has a user for each
 */
export async function folderProblems(
  folder: string,
  neededBytes: number | undefined,
  virsh: Virsh,
  domainType: string,
  signal: AbortSignal,
): Promise<string[]> {
  if (!isAbsolute(folder)) return [`the storage ${JSON.stringify(folder)} is not an absolute path`];
  try {
    if (!(await stat(folder)).isDirectory()) return [`${folder} is not a folder`];
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [`the folder ${folder} does not exist`];
    return [`the folder ${folder} cannot be written: ${messageOf(error)}`];
  }
  return [
    ...(await spaceProblem(folder, neededBytes ?? 0)),
    ...(await reachProblem(folder, virsh, domainType, signal)),
  ];
}

async function spaceProblem(folder: string, neededBytes: number): Promise<string[]> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  return free < neededBytes ? [`${folder} has ${free} bytes free, ${neededBytes} are needed`] : [];
}

/** Asks as QEMU's user, so that access lists count too. Without root there is nothing to ask: QEMU is this user. */
async function reachProblem(folder: string, virsh: Virsh, domainType: string, signal: AbortSignal): Promise<string[]> {
  const owner = await qemuOwner(virsh, domainType, signal);
  if (owner === undefined || process.getuid?.() !== 0 || (await findProgram('setpriv')) === undefined) return [];
  const args = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', 'test', '-x', folder];
  try {
    await runProgram('setpriv', args, { timeoutMs: 10_000, signal });
    return [];
  } catch (error) {
    if (!hasCode(error, 'programFailed')) throw error;
    return [`QEMU's user ${owner.uid} cannot reach ${folder}: every folder above needs the permission x for others`];
  }
}

/** The user that libvirt starts QEMU as. */
async function qemuOwner(
  virsh: Virsh,
  domainType: string,
  signal: AbortSignal,
): Promise<{ uid: number; gid: number } | undefined> {
  const host = find(parseXml(await virsh.run(['capabilities'], signal), 'the capabilities'), 'host');
  const dac = childrenOf(host, 'secmodel').find((model) => textOf(find(model, 'model')) === 'dac');
  const label = childrenOf(dac, 'baselabel').find((base) => attribute(base, 'type') === domainType);
  return parseOwner(textOf(label));
}
