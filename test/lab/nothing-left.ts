import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { expect } from 'vitest';
import { type Lab, poolPassword } from '../helpers/programs.ts';
import { Restic } from '../helpers/restic.ts';
import { type Guest, virsh } from './lab.ts';

/**
 * After whatever happened: no job folder, socket, scratch, libvirt job, lock or journal of node1 stays, no checkpoint but those
 * of points that were made, the VM is as it was, and the repository is clean by public restic.
 */
export async function expectNothingLeft(lab: Lab, guest: Guest, state = 'running'): Promise<void> {
  await expectNoTraces(lab, guest, state);
  await (await Restic.at(lab.path('pool'), poolPassword)).checkClean();
}

/** The same without reading the repository. */
export async function expectNoTraces(lab: Lab, guest: Guest, state = 'running'): Promise<void> {
  const id = String(lab.agent('node1').ready['hwid']).replaceAll('-', '').slice(0, 8);
  for (const root of [`/run/holdfast/${id}`, `/var/lib/holdfast-scratch/${id}`]) {
    expect(existsSync(root) ? await readdir(root) : []).toEqual([]);
  }
  expect(guest.state).toBe(state);
  const points = (await lab.rows('backups', 'list')).map((backup) => `holdfast-${String(backup['uuid'])}`);
  const ours = checkpointsOf(guest).filter((name) => name.startsWith('holdfast-'));
  expect(ours.filter((name) => !points.includes(name))).toEqual([]);
  if (state === 'running') expect(virsh('domjobinfo', guest.domain)).toMatch(/None/u);
  expect(await readdir(lab.path('pool', 'locks'))).toEqual([]);
  expect(await readdir(lab.path('node1', 'journal'))).toEqual([]);
}

/** Names of a domain's checkpoints. */
export function checkpointsOf(guest: Guest): string[] {
  return virsh('checkpoint-list', guest.domain, '--name')
    .trim()
    .split('\n')
    .filter((name) => name !== '');
}
