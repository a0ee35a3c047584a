import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diffPoints } from '../../../agent/jobs/diff-points.ts';
import type { BackupResult } from '../../../shared/model/job.ts';
import { repositoryTargetSchema } from '../../../shared/model/job.ts';
import { transformCiphers } from '../../../shared/model/transform.ts';
import { JobLab, pointIn } from '../../helpers/agent-jobs.ts';
import { lacking } from '../../helpers/needs.ts';
import { writeRandomFile } from '../../helpers/random-file.ts';
import { resticPassword } from '../../helpers/repository-settings.ts';
import { hasRestic, Restic } from '../../helpers/restic.ts';

const mib = 1024 * 1024;
const cell = 256 * 1024;

async function newImage(lab: JobLab, name = 'vm.raw'): Promise<string> {
  const path = join(lab.images, name);
  await writeRandomFile(path, 20 * mib, [{ at: 0, length: 3 * mib }]);
  return path;
}

async function overwrite(path: string, offset: number, text: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Buffer.from(text), 0, text.length, offset);
  await file.close();
}

async function restore(lab: JobLab, point: BackupResult) {
  const { result, folder } = await lab.restore(point);
  return { result, disk: join(folder, 'disks', 'vm.raw', 'disk.raw') };
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('transformed points', () => {
  it('are restored to a folder and deployed, and restic finds them sound', async () => {
    const lab = await JobLab.create();
    const image = await newImage(lab);
    const result = await lab.backUp('vm.raw', { transform: 'aes-256' });
    const point = pointIn(result);
    const keyId = lab.deps.identity.transformKeys.own.id;
    expect(point.transform).toEqual({ cipher: 'aes-256', keyId });

    const { disk } = await restore(lab, point);
    expect((await readFile(disk)).equals(await readFile(image))).toBe(true);

    const { backupUuid, objectUuid } = point;
    const target = { kind: 'deploy' as const, platform: lab.platform, name: 'copy', storage: null, start: false };
    const deployed = await lab.run('restore', { backupUuid, objectUuid, snapshotIdHint: null, target });
    expect(deployed.error).toBeNull();
    const copy = join(lab.images, 'copy', 'vm.raw');
    expect((await readFile(copy)).equals(await readFile(image))).toBe(true);

    const restic = await Restic.at(lab.pool, resticPassword);
    await restic.checkClean();
    const folder = await restic.restore(point.snapshotId);
    const root = join(folder, 'vm', objectUuid);
    const manifest = JSON.parse(await readFile(join(root, 'manifest.json'), 'utf8')) as unknown;
    expect(manifest).toMatchObject({
      transform: { cipher: 'aes-256', keyId },
      disks: [{ path: 'disks/vm.raw/disk.hft', sizeBytes: 20 * mib }],
    });
    const stored = await readFile(join(root, 'disks/vm.raw/disk.hft'));
    expect(stored.subarray(0, 4).toString()).toBe('HFT1');
  });

  it('are stored once: a second full backup of the same disk costs nothing, one with another cipher everything', async () => {
    const lab = await JobLab.create();
    await newImage(lab);
    expect(pointIn(await lab.backUp('vm.raw', { transform: 'aes-256' })).storedBytes).toBeGreaterThan(3 * mib);
    expect(pointIn(await lab.backUp('vm.raw', { transform: 'aes-256' })).storedBytes).toBeLessThan(10_000);
    expect(pointIn(await lab.backUp('vm.raw', { transform: 'camellia-256' })).storedBytes).toBeGreaterThan(3 * mib);
    expect(pointIn(await lab.backUp('vm.raw')).storedBytes).toBeGreaterThan(3 * mib);
  });

  it('are compared with each other and with untransformed ones, and verified', async () => {
    const lab = await JobLab.create();
    const image = await newImage(lab);
    const points = [await lab.backUp('vm.raw', { transform: 'sm4' })];
    await overwrite(image, mib + 5, 'changed');
    points.push(await lab.backUp('vm.raw', { transform: 'sm4' }), await lab.backUp('vm.raw'));
    const [first, second, plain] = points.map(pointIn);
    if (first === undefined || second === undefined || plain === undefined) throw new Error('three points');
    const diff = (a: BackupResult, b: BackupResult) =>
      diffPoints(
        { repositories: lab.deps.repositories, transformKeys: lab.deps.identity.transformKeys },
        {
          repository: repositoryTargetSchema.parse(lab.repository),
          objectUuid: a.objectUuid,
          points: [a, b],
          cursor: undefined,
        },
        AbortSignal.timeout(30_000),
      );
    const changed = { disks: [{ id: 'vm.raw', changedBytes: cell, extents: [{ offset: mib, length: cell }] }] };
    expect(await diff(first, second)).toEqual(changed);
    expect(await diff(first, plain)).toEqual(changed);
    expect(await diff(second, plain)).toEqual({ disks: [{ id: 'vm.raw', changedBytes: 0, extents: [] }] });

    const signKeys = { [first.signKeyId ?? '']: lab.deps.identity.publicSignKey };
    const verified = await lab.run('maintenance', { operation: { kind: 'verify', points: [first, plain] }, signKeys });
    expect(verified.error).toBeNull();
    expect(verified.maintenance).toMatchObject({
      points: [
        { backupUuid: first.backupUuid, verification: 'trusted', errors: [] },
        { backupUuid: plain.backupUuid, verification: 'trusted', errors: [] },
      ],
    });
  });

  it('that are damaged are suspicious, in offsets of the disk, and are not restored', async () => {
    const lab = await JobLab.create();
    await newImage(lab);
    const point = pointIn(await lab.backUp('vm.raw', { transform: 'aes-256' }));
    await flipByteOfLargestPack(lab.pool);
    const signKeys = { [point.signKeyId ?? '']: lab.deps.identity.publicSignKey };
    const verified = await lab.run('maintenance', { operation: { kind: 'verify', points: [point] }, signKeys });
    const points = verified.maintenance?.kind === 'verify' ? verified.maintenance.points : [];
    expect(points).toMatchObject([{ verification: 'suspicious', errors: [{ disk: 'vm.raw', length: cell }] }]);
    const offset = points[0]?.errors[0]?.offset ?? -1;
    expect(offset % cell).toBe(0);
    expect(offset).toBeLessThan(3 * mib);
    const { result } = await restore(lab, point);
    expect(result.error).toMatchObject({ code: 'repositoryDamaged' });
  });

  it('need the key on another client, which takes it over without a restart', async () => {
    const lab = await JobLab.create();
    const image = await newImage(lab);
    const point = pointIn(await lab.backUp('vm.raw', { transform: 'kuznyechik' }));
    const other = await JobLab.create({ name: 'node2', pool: lab.pool });
    const { own } = lab.deps.identity.transformKeys;
    const { result, disk } = await restore(other, point);
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'transformKeyMissing' } });
    expect(result.error?.message).toContain(own.id);
    expect(result.error?.message).toContain('node1');
    await expect(readFile(disk)).rejects.toThrow('ENOENT');

    await other.deps.identity.transformKeys.import(own.key);
    const again = await restore(other, point);
    expect(again.result.error).toBeNull();
    expect((await readFile(again.disk)).equals(await readFile(image))).toBe(true);
  });

  it('come back with every cipher', async () => {
    const lab = await JobLab.create();
    const image = join(lab.images, 'vm.raw');
    await writeRandomFile(image, 3 * mib + 1000, [{ at: mib, length: mib + 77 }]);
    for (const cipher of transformCiphers) {
      const { result, disk } = await restore(lab, pointIn(await lab.backUp('vm.raw', { transform: cipher })));
      expect(result.error).toBeNull();
      expect((await readFile(disk)).equals(await readFile(image))).toBe(true);
    }
  });
});

async function flipByteOfLargestPack(pool: string): Promise<void> {
  const names = await readdir(join(pool, 'data'), { recursive: true });
  const packs = await Promise.all(
    names.map(async (name) => {
      const path = join(pool, 'data', name);
      return { path, size: (await stat(path)).size };
    }),
  );
  const [largest] = packs.toSorted((a, b) => b.size - a.size);
  if (largest === undefined) throw new Error('no pack');
  const bytes = await readFile(largest.path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await rm(largest.path);
  await writeFile(largest.path, bytes);
}
