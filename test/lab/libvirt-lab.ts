// What the lab tests of the libvirt platform share.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Extent, SourceDisk } from '../../agent/disks/disk.ts';
import { createPlatform } from '../../agent/platforms/all.ts';
import type { BackupSource, OpenedDisk, Platform, Resource } from '../../agent/platforms/platform.ts';
import { qemuImg, readDisk } from '../agent/disks/images.ts';
import type { TestScope } from '../agent/platforms/job-scope.ts';
import { type Guest, labUri, startLibvirtd, virsh } from './lab.ts';

export const roots = {
  run: '/run/holdfast/lab00001',
  scratch: '/var/lib/holdfast-scratch/lab00001',
  frozen: '/run/holdfast/lab00001-frozen',
};

/** Starts libvirtd when none answers, and removes what a failed run of these tests left. */
export async function startLab(): Promise<void> {
  startLibvirtd();
  for (const root of Object.values(roots)) await rm(root, { recursive: true, force: true });
}

/** The lab's libvirt as the agent sees it. */
export function labPlatform(readPath: 'backup' | 'snapshot' = 'backup'): Platform {
  return createPlatform(
    'libvirt',
    { uri: labUri, readPath },
    { uuid: '00000000-0000-4000-8000-000000000000', name: 'lab', roots },
  );
}

/** The image as raw bytes, converted by QEMU itself. */
export async function rawOf(image: string, format: string): Promise<Buffer> {
  const folder = await mkdtemp('/var/tmp/hf-raw-');
  const raw = join(folder, 'raw');
  qemuImg('convert', '-U', '-f', format, '-O', 'raw', image, raw);
  const bytes = await readFile(raw);
  await rm(folder, { recursive: true });
  return bytes;
}

export function openedOf(source: BackupSource, id: string): OpenedDisk {
  const opened = source.disks.find(({ disk }) => disk.id === id);
  if (opened === undefined) throw new Error(`no disk ${id}`);
  return opened;
}

export function diskOf(source: BackupSource, id: string): SourceDisk {
  return openedOf(source, id).disk;
}

/** Extents of a disk that are dirty since its base. */
export async function dirtyOf({ changes }: OpenedDisk): Promise<Extent[]> {
  if (changes === undefined) throw new Error('no changes are known');
  const dirty: Extent[] = [];
  for await (const extent of changes.extents(new AbortController().signal)) if (!extent.zero) dirty.push({ ...extent });
  return dirty;
}

export function bytesOf(extents: readonly Extent[]): number {
  return extents.reduce((sum, { length }) => sum + length, 0);
}

/** Content of a disk as a backup sees it: all of it, or the earlier content with what changed since. */
export async function contentOf(opened: OpenedDisk, earlier?: Buffer): Promise<Buffer> {
  if (opened.changes === undefined || earlier === undefined) return readDisk(opened.disk);
  const bytes = Buffer.from(earlier);
  for (const { offset, length } of await dirtyOf(opened)) (await opened.disk.read(offset, length)).copy(bytes, offset);
  return bytes;
}

/** Names of all checkpoints of a guest, oldest first. */
export function checkpointsOf(guest: Guest): string[] {
  const text = virsh('checkpoint-list', guest.domain, '--topological', '--name');
  return text.split('\n').filter((line) => line !== '');
}

export async function expectNothingLeft(scope?: TestScope): Promise<void> {
  if (scope !== undefined) expect(scope.open).toEqual([]);
  for (const root of [roots.run, roots.scratch]) expect(existsSync(root) ? await readdir(root) : []).toEqual([]);
}

/** Opens a VM in another process that then dies without a word, as an agent under `kill -9`. @returns its journal */
export async function killedReader(uuid: string, readPath: 'backup' | 'snapshot' = 'backup'): Promise<Resource[]> {
  const reader = spawn(process.execPath, [join(import.meta.dirname, 'killed-reader.ts'), uuid, readPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  reader.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  await once(reader, 'exit');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Resource);
}
