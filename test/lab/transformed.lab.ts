// Transformed points of a real VM: changed blocks go into lists of frames as they go into others.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BackupResult, BackupType } from '../../shared/model/job.ts';
import type { TransformCipher } from '../../shared/model/transform.ts';
import { qemuImg } from '../agent/disks/images.ts';
import { JobLab, pointIn } from '../helpers/agent-jobs.ts';
import { lacking } from '../helpers/needs.ts';
import { hashFile } from '../helpers/random-file.ts';
import { resticPassword } from '../helpers/repository-settings.ts';
import { Restic } from '../helpers/restic.ts';
import { Guest, labMissing, labUri, startLibvirtd, virsh } from './lab.ts';

const mib = 1024 * 1024;
const roots = {
  run: '/run/holdfast/lab00002',
  scratch: '/var/lib/holdfast-scratch/lab00002',
  frozen: '/run/holdfast/lab00002-frozen',
};

describe.skipIf(lacking(labMissing()))('transformed points of a real VM', () => {
  it('are full, incremental and differential, until cipher or key change', async () => {
    startLibvirtd();
    const guest = Guest.up('transformed', { disks: 1, size: '256M' });
    onTestFinished(async () => {
      guest.down();
      for (const root of Object.values(roots)) await rm(root, { recursive: true, force: true });
    });
    const lab = await JobLab.create({ roots, platform: { kind: 'libvirt', settings: { uri: labUri } } });
    const points: BackupResult[] = [];
    const backUp = async (type: BackupType, transform: TransformCipher | null = 'aes-256') => {
      const result = await lab.backUp(guest.domain, { type, transform, points });
      points.unshift(pointIn(result));
      return result;
    };
    const expectSame = async (point: BackupResult) => {
      const { result, folder } = await lab.restore(point);
      expect(result.error).toBeNull();
      const raw = join(lab.folder, 'same.raw');
      qemuImg('convert', '-U', '-f', 'qcow2', '-O', 'raw', guest.image(0, 'qcow2'), raw);
      expect(await hashFile(join(folder, 'disks/vda/disk.raw'))).toBe(await hashFile(raw));
    };

    guest.exec('dd if=/dev/urandom of=/data/vda/first bs=1M count=30 2>/dev/null; sync');
    const full = await backUp('full');
    expect(full.disks).toMatchObject([{ mode: 'full', reason: null }]);
    expect(full.backup?.storedBytes).toBeGreaterThan(30 * mib);

    guest.exec('dd if=/dev/urandom of=/data/vda/second bs=4k count=20 2>/dev/null; sync');
    virsh('suspend', guest.domain);
    const incremental = await backUp('incremental');
    expect(incremental.disks).toMatchObject([
      { mode: 'incremental', reason: null, baseBackupUuid: full.backup?.backupUuid },
    ]);
    expect(incremental.backup?.storedBytes).toBeLessThan(5 * mib);
    await expectSame(pointIn(incremental));
    const differential = await backUp('differential');
    expect(differential.disks).toMatchObject([
      { mode: 'differential', reason: null, baseBackupUuid: full.backup?.backupUuid },
    ]);
    await expectSame(pointIn(differential));

    const changed = await backUp('incremental', 'sm4');
    expect(changed.disks).toMatchObject([{ mode: 'full', reason: 'transformChanged', baseBackupUuid: null }]);
    await expectSame(pointIn(changed));
    expect((await backUp('incremental', 'sm4')).disks).toMatchObject([{ mode: 'incremental', reason: null }]);
    expect((await backUp('incremental', null)).disks).toMatchObject([{ mode: 'full', reason: 'transformChanged' }]);
    virsh('resume', guest.domain);
    await (await Restic.at(lab.pool, resticPassword)).checkClean();
  });
});
