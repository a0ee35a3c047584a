import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haveQemu, qemuImg } from '../agent/disks/images.ts';
import { lacking } from '../helpers/needs.ts';
import { Lab } from '../helpers/programs.ts';
import { writeRandomFile } from '../helpers/random-file.ts';

const mib = 1024 * 1024;
const formats = ['qcow2', 'vdi', 'vhdx', 'vmdk'] as const;

describe.skipIf(lacking(haveQemu() ? undefined : 'qemu-utils are not installed'))('formats of images', () => {
  let lab: Lab;
  let images: string;
  let raw: string;
  let uuid: string;
  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    images = await lab.addImages('node1');
    raw = lab.path('source');
    await writeRandomFile(raw, 400 * mib, [
      { at: 0, length: 100 * mib },
      { at: 300 * mib + 4096, length: 20 * mib },
    ]);
    await mkdir(join(images, 'foreign'));
    for (const format of formats)
      qemuImg('convert', '-f', 'raw', '-O', format, raw, join(images, 'foreign', `disk.${format}`));
    await lab.addQuickPool('node1');
    await lab.addRule('foreign', 'foreign');
    expect(await lab.cli('rules', 'run', 'foreign', '--wait')).toMatchObject({ code: 0 });
    uuid = String((await lab.rows('backups', 'list'))[0]?.['objectUuid']);
  });
  afterAll(() => lab.close());

  const expectEqual = (format: string, path: string) => {
    execFileSync('qemu-img', ['compare', '-q', '-f', 'raw', '-F', format, raw, path]);
    if (format !== 'raw') execFileSync('qemu-img', ['check', '-q', '-f', format, path]);
  };
  const expectSparse = async (path: string) => expect((await stat(path)).blocks * 512).toBeLessThan(200 * mib);

  it('lists every disk with its format and virtual size', async () => {
    const [object] = await lab.rows('objects', 'list');
    expect(object?.['disks']).toEqual(
      formats.map((format) => ({ id: `disk.${format}`, format, sizeBytes: 400 * mib })),
    );
  });

  it.each(['raw', 'qcow2'])('unpacks them all as %s', async (format) => {
    const to = lab.path(`out-${format}`);
    const { code, stderr } = await lab.cli('restore', '1', '--to', to, '--format', format, '--wait');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    for (const id of formats) {
      const path = join(to, uuid, 'disks', `disk.${id}`);
      expect(await readdir(path)).toEqual([`disk.${format}`]);
      expectEqual(format, join(path, `disk.${format}`));
      await expectSparse(join(path, `disk.${format}`));
    }
    await rm(to, { recursive: true });
  });

  it('deploys them in the formats they had', async () => {
    expect(await lab.cli('restore', '1', '--deploy', '--wait')).toMatchObject({ code: 0 });
    for (const format of formats) {
      const path = join(images, 'foreign-2', `disk.${format}`);
      expectEqual(format, path);
      await expectSparse(path);
    }
  });

  it('refuses other formats, and one for a new VM', async () => {
    const other = await lab.fails('restore', '1', '--to', lab.path('no'), '--format', 'vmdk');
    expect(other).toMatchObject({ exit: 2, code: 'invalidValue' });
    expect(await lab.fails('restore', '1', '--deploy', '--format', 'qcow2')).toMatchObject({ exit: 2 });
  });

  it.each(['cancel', 'kill -9'])('%s in the middle of writing qcow2 leaves nothing', async (how) => {
    const to = lab.path('partly');
    const { json } = await lab.cli('restore', '1', '--to', to, '--format', 'qcow2');
    const id = (json as { taskIds: number[] }).taskIds[0] ?? 0;
    await lab.untilStep('node1', 'writingData');
    if (how === 'cancel') await lab.ok('tasks', 'cancel', String(id));
    else {
      await lab.agent('node1').kill('SIGKILL');
      await lab.startAgent('node1');
    }
    expect((await lab.ended(id)).state).toBe(how === 'cancel' ? 'cancelled' : 'failed');
    expect((await readdir(lab.folder)).includes('partly') ? await readdir(to) : []).toEqual([]);
    expect(await readdir(lab.path('node1', 'journal'))).toEqual([]);
    expect(await readdir(lab.path('pool', 'locks'))).toEqual([]);
    expect(programsOn(to)).toBe('');
  });
});

/** Processes that have the path in their arguments. */
function programsOn(path: string): string {
  const all = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  return all
    .split('\n')
    .filter((line) => line.includes(path))
    .join('\n');
}
