import { mkdir } from 'node:fs/promises';
import { expect } from 'vitest';
import type { Lab } from './programs.ts';
import { hashFile, writeRandomFile } from './random-file.ts';

const mib = 1024 * 1024;

/** Makes the image of a node's own VM. */
export async function makeImageOfNode(lab: Lab, node: string): Promise<void> {
  const folder = lab.path(`images-${node}`);
  await mkdir(folder);
  await writeRandomFile(`${folder}/vm.raw`, 8 * mib, [{ at: 0, length: 2 * mib }]);
}

/** A platform with that VM and a rule of the node's own, so that the node runs its backups. */
export async function addVmOfNode(lab: Lab, node: string): Promise<void> {
  const folder = lab.path(`images-${node}`);
  const platform = ['--kind', 'image-directory', '--path', folder, '--name', `images-${node}`];
  await lab.ok('platforms', 'add', '--client', node, ...platform);
  const rule = ['--platform', `images-${node}`, '--object', 'vm.raw', '--pool', 'Default', '--type', 'full'];
  await lab.ok('rules', 'add', '--name', node, ...rule);
}

/** Restores a point of such a VM on a client. @returns the hash of its disk */
export async function restoreVmOfNode(lab: Lab, backup: string, client: string, name: string): Promise<string> {
  const { taskIds } = await lab.ok('restore', backup, '--to', lab.path(name), '--client', client);
  expect(await lab.ended((taskIds as number[])[0] ?? 0)).toMatchObject({ error: null, client });
  const { objectUuid } = await lab.ok('backups', 'show', backup);
  return hashFile(lab.path(name, String(objectUuid), 'disks', 'vm.raw', 'disk.raw'));
}
