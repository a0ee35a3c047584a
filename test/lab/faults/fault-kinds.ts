// The faults of the matrix, given from outside as they would happen.
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { runProgram } from '../../../shared/node/run-program.ts';
import { qemuImg } from '../../agent/disks/images.ts';
import { type FaultLab, imagesOf } from './fault-lab.ts';
import type { Lab } from '../../helpers/programs.ts';
import { type Guest, startLibvirtd, virsh } from '../lab.ts';

export async function killAgent({ lab }: FaultLab): Promise<void> {
  await lab.agent('node1').kill('SIGKILL');
  await lab.startAgent('node1');
}

/** The QEMU of this VM and of no other. */
export async function killQemu({ lab, guest }: FaultLab): Promise<void> {
  process.kill(await pidIn(`/run/libvirt/qemu/${guest.domain}.pid`), 'SIGKILL');
  await lab.until('the VM to be shut off', async () => guest.state === 'shut off');
}

/** As its user would do it. libvirt may need half a minute to say so when a backup job runs. */
export async function powerOff({ lab, guest }: FaultLab): Promise<void> {
  guest.exec('setsid sh -c "sleep 0.5; /sbin/shutdown -P now" </dev/null >/dev/null 2>&1 &');
  await lab.until('the VM to be shut off', async () => guest.state === 'shut off', 60);
}

/** The daemon of this machine is ended as `signal` says and started again; its VMs go on. */
export async function restartLibvirtd({ lab }: FaultLab, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  const pid = await pidIn('/run/libvirtd.pid');
  process.kill(pid, signal);
  await lab.until('libvirtd to end', async () => !(await isAlive(pid)));
  startLibvirtd();
}

/** Removes the bitmaps of all checkpoints of ours from a running VM, which libvirt does not notice. */
export function removeBitmaps({ guest }: FaultLab): void {
  const ask = (execute: string, args: object) =>
    virsh('qemu-monitor-command', guest.domain, JSON.stringify({ execute, arguments: args }));
  const nodes = nodesSchema.parse(JSON.parse(ask('query-named-block-nodes', {}))).return;
  const bitmaps = nodes.flatMap((node) => (node['dirty-bitmaps'] ?? []).map(({ name }) => ({ node, name })));
  const ours = bitmaps.filter(({ name }) => name.startsWith('holdfast-'));
  if (ours.length === 0) throw new Error('there is no bitmap to remove');
  for (const { node, name } of ours) ask('block-dirty-bitmap-remove', { node: node['node-name'], name });
}

const nodesSchema = z.object({
  return: z.array(
    z.object({
      'node-name': z.string(),
      'dirty-bitmaps': z.array(z.object({ name: z.string().default('') })).optional(),
    }),
  ),
});

let addedImages = 0;

/** A small new disk with some content; one can be plugged in while the VM runs, more when it is shut off. */
export async function addDisk({ lab, guest }: FaultLab, target = 'vdc'): Promise<void> {
  const image = `${guest.folder}/added${++addedImages}.qcow2`;
  qemuImg('create', '-q', '-f', 'qcow2', image, '32M');
  const off = guest.state === 'shut off';
  await attach(lab, guest, { image, target }, '--config', ...(off ? [] : ['--live']));
  if (off) return;
  await lab.until('the guest to see the disk', async () => guest.exec('ls /dev').includes(target));
  fillDisk(guest, target);
}

export function fillDisk(guest: Guest, target: string): void {
  guest.exec(`dd if=/dev/urandom of=/dev/${target} bs=1M count=3 2>/dev/null; sync`);
}

export async function removeDisk({ lab, guest }: FaultLab, target = 'vdc'): Promise<void> {
  const image = imagesOf(guest).get(target);
  if (image === undefined) return;
  virsh('detach-disk', guest.domain, target, '--persistent');
  await lab.until('the disk to go', async () => !imagesOf(guest).has(target));
  await rm(image);
}

/** Two disks of a VM that is shut off change places: each image comes under the name of the other. */
export async function swapDisks({ lab, guest }: FaultLab, one: string, other: string): Promise<void> {
  const images = imagesOf(guest);
  for (const target of [one, other]) virsh('detach-disk', guest.domain, target, '--config');
  await attach(lab, guest, { image: images.get(other) ?? '', target: one }, '--config');
  await attach(lab, guest, { image: images.get(one) ?? '', target: other }, '--config');
}

async function attach(
  lab: Lab,
  guest: Guest,
  { image, target }: { image: string; target: string },
  ...where: string[]
): Promise<void> {
  const parts = [
    `<driver name='qemu' type='qcow2'/>`,
    `<source file='${image}'/>`,
    `<target dev='${target}' bus='virtio'/>`,
  ];
  await writeFile(lab.path('disk.xml'), `<disk type='file' device='disk'>${parts.join('')}</disk>`);
  virsh('attach-device', guest.domain, lab.path('disk.xml'), ...where);
}

/** Makes the qcow2 disk of a running VM larger. */
export function growDisk({ guest }: FaultLab, mebibytes: number): void {
  virsh('blockresize', guest.domain, 'vda', `${mebibytes}M`);
}

/** Keeps, or puts back, a copy of the qcow2 image of a VM that is shut off. */
export async function keepImage({ guest }: FaultLab): Promise<void> {
  await copyFile(guest.image(0, 'qcow2'), `${guest.folder}/older`);
}

export async function revertImage({ guest }: FaultLab): Promise<void> {
  await copyFile(`${guest.folder}/older`, guest.image(0, 'qcow2'));
}

async function pidIn(file: string): Promise<number> {
  return z.coerce
    .number()
    .int()
    .positive()
    .parse((await readFile(file, 'utf8')).trim());
}

/** A zombie has ended. */
async function isAlive(pid: number): Promise<boolean> {
  const { stdout } = await runProgram('ps', ['-o', 'stat=', '-p', String(pid)], { okCodes: [0, 1] });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}
