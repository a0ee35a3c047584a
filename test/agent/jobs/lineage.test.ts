import { describe, expect, it } from 'vitest';
import { Lineage } from '../../../agent/jobs/lineage.ts';
import { diskFileName } from '../../../agent/repository/content-form.ts';
import type { ProspectDisk } from '../../../agent/platforms/platform.ts';
import type { Repository } from '../../../agent/repository/repository.ts';
import { type Manifest, manifestText } from '../../../shared/format.ts';
import { type BackupJob, backupJobSchema, type PointHint } from '../../../shared/model/job.ts';
import type { Transform } from '../../../shared/model/transform.ts';
import { BufferSource, testBytes } from '../../helpers/byte-sources.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';
import { finishOptions, newRepository, storeDisk, underLock, vmTree, vmUuid } from '../../helpers/repositories.ts';

const uuidOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const checkpointOf = (n: number) => `holdfast-${uuidOf(n)}`;
const diskBytes = 512 * 1024;

interface PointChanges {
  type?: string;
  reached?: string;
  transform?: Transform;
  disks?: Array<{ id: string; checkpoint?: string | null; sourcePath?: string; digest?: string }>;
}

/** Writes a point like the ones that a backup makes. */
async function addPoint(repository: Repository, n: number, changes: PointChanges = {}): Promise<PointHint> {
  const disks = changes.disks ?? [{ id: 'vda' }];
  return underLock(repository, async (lock) => {
    const { transform = null } = changes;
    const transformation = transform === null ? undefined : { cipher: transform.cipher, key: Buffer.alloc(32) };
    const writer = repository.startSnapshot(lock, { signal: AbortSignal.timeout(30_000), transformation });
    const written = await storeDisk(writer, new BufferSource(testBytes(diskBytes, n)));
    const manifest: Manifest = {
      format: 1,
      backupUuid: uuidOf(n),
      engineUuid: uuidOf(900),
      client: { hwid: 'h', name: 'host' },
      platform: { uuid: uuidOf(901), kind: 'libvirt', name: 'libvirt' },
      objectUuid: vmUuid,
      rule: null,
      type: changes.type ?? 'full',
      parentUuid: null,
      createdAt: new Date(1_700_000_000_000 + n).toISOString(),
      zone: 'UTC',
      consistency: { asked: 'crash', reached: changes.reached ?? 'crash', frozenAt: null, thawedAt: null },
      transform,
      files: {},
      disks: disks.map(({ id, checkpoint, digest }) => ({
        id,
        path: `disks/${id}/${diskFileName[written.content.form]}`,
        sizeBytes: written.sizeBytes,
        cellBytes: written.cellBytes,
        sourceFormat: 'qcow2',
        mode: 'full',
        changeSource: null,
        reason: null,
        baseUuid: null,
        checkpoint: checkpoint === undefined ? checkpointOf(n) : checkpoint,
        bytesRead: written.bytesRead,
        zeroBytes: 0,
        blobs: written.blobs,
        digest: digest ?? written.digest,
      })),
    };
    const configuration = {
      format: 1,
      uuid: vmUuid,
      name: 'vm',
      platformKind: 'libvirt',
      cpus: 1,
      memoryBytes: 1,
      machine: '',
      firmware: '',
      secureBoot: false,
      tpm: false,
      guestAgent: false,
      disks: disks.map(({ id, sourcePath }) => ({
        id,
        name: id,
        bus: 'virtio',
        bootOrder: null,
        format: 'qcow2',
        sizeBytes: diskBytes,
        serial: null,
        sourcePath: sourcePath ?? `/images/${id}`,
      })),
      nics: [],
      tags: [],
      capturedAt: '',
    };
    const files = {
      'manifest.json': await writer.writeFile(Buffer.from(manifestText(manifest))),
      'vm.json': await writer.writeFile(Buffer.from(JSON.stringify(configuration))),
    };
    const tree = vmTree(Object.fromEntries(disks.map(({ id }) => [id, written.content])), files);
    const { snapshotId } = await writer.finish(finishOptions(tree, ['holdfast', `backup=${uuidOf(n)}`]));
    return { backupUuid: uuidOf(n), snapshotId };
  });
}

function jobOf(type: BackupJob['type'], points: PointHint[]): BackupJob {
  return backupJobSchema.parse({
    kind: 'backup',
    jobUuid: uuidOf(800),
    backupUuid: uuidOf(801),
    engineUuid: uuidOf(900),
    objectUuid: vmUuid,
    repository: { storage: { kind: 'local', path: '/pool' }, password: 'secret', repositoryId: null },
    platform: { uuid: uuidOf(901), kind: 'libvirt', name: 'libvirt', settings: {} },
    objectName: 'vm',
    client: { hwid: 'h', name: 'host' },
    rule: null,
    type,
    points,
    zone: 'UTC',
  });
}

function prospect(id: string, checkpoints: number[], changes: Partial<ProspectDisk> = {}): ProspectDisk {
  const names = checkpoints.map(checkpointOf);
  return { id, format: 'qcow2', sourcePath: `/images/${id}`, checkpoints: names, withoutChanges: null, ...changes };
}

/** Asks for the lineage of the first disk. */
async function lineageOf(repository: Repository, job: BackupJob, ...disks: ProspectDisk[]) {
  const [disk] = disks;
  if (disk === undefined) throw new Error('no disk');
  return underLock(repository, () => new Lineage(repository, job, null).of(disk, disks));
}

describe('lineage of a disk', () => {
  it('takes the newest checkpoint of the VM whose point is in this repository, whatever the clock said', async () => {
    const repository = await newRepository(new MemoryStorage());
    const points = [await addPoint(repository, 2), await addPoint(repository, 5, { type: 'incremental' })];
    // 9 belongs to another pool; 5 stands before 2 in the chain of the VM.
    const found = await lineageOf(repository, jobOf('incremental', points), prospect('vda', [9, 5, 2]));
    expect(found.base?.checkpoint).toBe(checkpointOf(5));
    expect(found.base?.content.sizeBytes).toBe(diskBytes);
    expect(found.reason).toBeNull();
  });

  it('finds a base by its tag when the engine knows nothing of it', async () => {
    const repository = await newRepository(new MemoryStorage());
    await addPoint(repository, 2);
    const found = await lineageOf(repository, jobOf('incremental', []), prospect('vda', [2]));
    expect(found.base?.checkpoint).toBe(checkpointOf(2));
  });

  it('compares a differential with the last full point only', async () => {
    const repository = await newRepository(new MemoryStorage());
    const points = [await addPoint(repository, 3, { type: 'incremental' }), await addPoint(repository, 1)];
    const found = await lineageOf(repository, jobOf('differential', points), prospect('vda', [3, 1]));
    expect(found.base?.checkpoint).toBe(checkpointOf(1));
    const none = await lineageOf(repository, jobOf('differential', points), prospect('vda', [3]));
    expect(none).toMatchObject({ base: undefined, reason: 'noFullPoint' });
  });

  it('needs no reason for a full read, and keeps the division of the newest point', async () => {
    const repository = await newRepository(new MemoryStorage());
    const points = [await addPoint(repository, 1)];
    const found = await lineageOf(repository, jobOf('full', points), prospect('vda', [1]));
    expect(found).toMatchObject({ base: undefined, reason: null });
    expect(found.earlier?.point.manifest.backupUuid).toBe(uuidOf(1));
  });

  it.each([
    ['firstPoint', {}, [], prospect('vda', [])],
    ['formatWithoutBitmap', {}, [1], prospect('vda', [], { withoutChanges: 'formatWithoutBitmap' })],
    ['checkpointMissing', {}, [1], prospect('vda', [])],
    ['baseMissing', {}, [1], prospect('vda', [7])],
    ['diskAdded', {}, [1], prospect('vdb', [])],
    ['baseInconsistent', { reached: 'inconsistent' }, [1], prospect('vda', [1])],
    ['baseDamaged', { disks: [{ id: 'vda', digest: '0'.repeat(64) }] }, [1], prospect('vda', [1])],
    ['diskRenamed', { disks: [{ id: 'sda', sourcePath: '/images/vda' }] }, [1], prospect('vda', [])],
  ] as const)('says %s', async (reason, changes, numbers, disk) => {
    const repository = await newRepository(new MemoryStorage());
    const points: PointHint[] = [];
    for (const n of numbers) points.push(await addPoint(repository, n, changes as PointChanges));
    const found = await lineageOf(repository, jobOf('incremental', points), disk);
    expect(found).toMatchObject({ base: undefined, reason });
  });

  it('takes no image for another because both have a bitmap of that name', async () => {
    const repository = await newRepository(new MemoryStorage());
    const points = [await addPoint(repository, 1, { disks: [{ id: 'vda' }, { id: 'vdb' }] })];
    const job = jobOf('incremental', points);
    const swapped = [
      prospect('vda', [1], { sourcePath: '/images/vdb' }),
      prospect('vdb', [1], { sourcePath: '/images/vda' }),
    ];
    expect(await lineageOf(repository, job, ...swapped)).toMatchObject({ base: undefined, reason: 'diskRenamed' });
    // A clone of some disk of this VM, for example.
    const foreign = prospect('vda', [1], { sourcePath: '/images/clone' });
    expect(await lineageOf(repository, job, foreign)).toMatchObject({ base: undefined, reason: 'diskAdded' });
  });

  it('takes no point that was transformed differently, but keeps its division', async () => {
    const aes = { cipher: 'aes-256', keyId: 'a'.repeat(32) } as const;
    const repository = await newRepository(new MemoryStorage());
    const points = [await addPoint(repository, 2, { transform: aes }), await addPoint(repository, 1)];
    const job = jobOf('incremental', points);
    const since = (checkpoint: number, transform: Transform | null) => {
      const disk = prospect('vda', [checkpoint]);
      return underLock(repository, () => new Lineage(repository, job, transform).of(disk, [disk]));
    };
    expect((await since(2, aes)).base?.checkpoint).toBe(checkpointOf(2));
    expect((await since(1, null)).base?.checkpoint).toBe(checkpointOf(1));
    const others = [
      await since(1, aes),
      await since(2, null),
      await since(2, { ...aes, cipher: 'sm4' }),
      await since(2, { ...aes, keyId: 'b'.repeat(32) }),
    ];
    for (const found of others) {
      expect(found).toMatchObject({ base: undefined, reason: 'transformChanged' });
      expect(found.earlier?.point.manifest.backupUuid).toBe(uuidOf(2));
    }
  });

  it('keeps the division of a renamed disk', async () => {
    const repository = await newRepository(new MemoryStorage());
    const points = [await addPoint(repository, 1, { disks: [{ id: 'sda', sourcePath: '/images/vda' }] })];
    const found = await lineageOf(repository, jobOf('incremental', points), prospect('vda', []));
    expect(found.earlier?.disk.id).toBe('sda');
  });

  it('passes over points that were forgotten behind our back', async () => {
    const repository = await newRepository(new MemoryStorage());
    const gone = { backupUuid: uuidOf(4), snapshotId: 'ab'.repeat(32) };
    const points = [gone, await addPoint(repository, 1)];
    const found = await lineageOf(repository, jobOf('incremental', points), prospect('vda', [4, 1]));
    expect(found.base?.checkpoint).toBe(checkpointOf(1));
  });
});
