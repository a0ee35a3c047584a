import { createHash } from 'node:crypto';
import { AppError, hasCode } from '../../shared/errors.ts';
import { backupTag, type Manifest, manifestSchema, vmPath } from '../../shared/format.ts';
import type { RestoreJob } from '../../shared/model/job.ts';
import { type VmConfiguration, vmConfigurationSchema } from '../../shared/model/vm.ts';
import { diskFileName } from '../repository/content-form.ts';
import type { ContentList } from '../repository/content-list.ts';
import type { OpenSnapshot } from '../repository/open-snapshot.ts';
import { withTransformKey } from './point-key.ts';
import type { TransformKeys } from '../transform/key-store.ts';
import { locationOf } from '../../shared/model/storage.ts';
import type { Repository } from '../repository/repository.ts';

/** A restore point that was found and whose small files were checked. */
export interface RestorePoint {
  snapshot: OpenSnapshot;
  manifest: Manifest;
  configuration: VmConfiguration;
  /** vm.json, manifest.json, manifest.sig and native/* as stored, by path below /vm/<uuid>. */
  files: Map<string, Buffer>;
  disks: Array<{ id: string; path: string; sizeBytes: number; content: ContentList }>;
}

/** A point whose manifest is read. */
export interface OpenPoint {
  snapshot: OpenSnapshot;
  manifest: Manifest;
  manifestBytes: Buffer;
  /** Folder of the VM in the snapshot. */
  root: string;
}

export interface PointAddress {
  backupUuid: string;
  /** Tried first; when it is gone the tag `backup=<uuid>` is looked for (DETAILS 15). */
  snapshotId: string | null;
  objectUuid: string;
  /** Where the repository is, for messages. */
  location: string;
}

/**
 * Finds a point: the hint first, else its tag; then manifest.backupUuid must agree (DETAILS 15).
 * @throws AppError backupMissing, repositoryDamaged
 */
export async function openPoint(repository: Repository, address: PointAddress): Promise<OpenPoint> {
  const { backupUuid, snapshotId, objectUuid } = address;
  const found = await repository.findSnapshot({ hintId: snapshotId ?? undefined, tag: backupTag(backupUuid) });
  if (found === undefined) throw missing(address);
  const snapshot = await repository.openSnapshot(found);
  const root = vmPath(objectUuid);
  const manifestBytes = await snapshot.readFile(`${root}/manifest.json`);
  const manifest = parseJson(manifestSchema, manifestBytes, 'manifest.json');
  if (manifest.backupUuid !== backupUuid) throw missing(address);
  return { snapshot, manifest, manifestBytes, root };
}

function missing({ backupUuid, location }: PointAddress): AppError {
  return new AppError('backupMissing', `backup ${backupUuid} is not in the repository at ${location} any more`);
}

/**
 * Reads what a restore needs. Every small file is compared with the manifest's hashes, every disk's list with its digest.
 * @throws AppError backupMissing, repositoryDamaged, transformKeyMissing
 */
export async function readPoint(repository: Repository, job: RestoreJob, keys: TransformKeys): Promise<RestorePoint> {
  const opened = await openPoint(repository, {
    backupUuid: job.backupUuid,
    snapshotId: job.snapshotIdHint,
    objectUuid: job.objectUuid,
    location: locationOf(job.repository.storage),
  });
  const point = await withTransformKey(opened, keys, { needed: true });
  const { snapshot, manifest, manifestBytes } = point;
  const files = await readFiles(point);
  const configuration = parseJson(vmConfigurationSchema, files.get('vm.json') ?? Buffer.of(), 'vm.json');
  files.set('manifest.json', manifestBytes);
  const signature = await readSignature(point);
  if (signature !== undefined) files.set('manifest.sig', signature);
  return { snapshot, manifest, configuration, files, disks: await openDisks(point) };
}

/** vm.json of a point. @throws AppError repositoryDamaged */
export async function readConfiguration({ snapshot, root }: OpenPoint): Promise<VmConfiguration> {
  return parseJson(vmConfigurationSchema, await snapshot.readFile(`${root}/vm.json`), 'vm.json');
}

function parseJson<T>(schema: { parse(value: unknown): T }, bytes: Buffer, name: string): T {
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw new AppError('repositoryDamaged', `${name} of the backup cannot be understood`, { cause: error });
  }
}

/** vm.json and native/*, compared with the manifest's hashes. @throws AppError repositoryDamaged */
export async function readFiles({ snapshot, root, manifest }: OpenPoint): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const [path, wanted] of Object.entries(manifest.files)) {
    if (!/^(native\/)?[A-Za-z0-9._-]+$/u.test(path))
      throw new AppError('repositoryDamaged', `the manifest names a file "${path}"`);
    const bytes = await snapshot.readFile(`${root}/${path}`);
    if (createHash('sha256').update(bytes).digest('hex') !== wanted) {
      throw new AppError('repositoryDamaged', `${path} is not the file that the manifest describes`);
    }
    files.set(path, bytes);
  }
  return files;
}

/** Bytes of manifest.sig; undefined when there is none. */
export async function readSignature({ snapshot, root }: OpenPoint): Promise<Buffer | undefined> {
  try {
    return await snapshot.readFile(`${root}/manifest.sig`);
  } catch (error) {
    if (hasCode(error, 'notFound')) return undefined;
    throw error;
  }
}

/** The lists of all disks, compared with their digests. @throws AppError repositoryDamaged */
export async function openDisks(point: OpenPoint): Promise<RestorePoint['disks']> {
  const disks = [];
  for (const disk of point.manifest.disks) disks.push(await openDisk(point, disk));
  return disks;
}

/** The list of a disk, compared with its digest. @throws AppError repositoryDamaged */
export async function openDisk({ snapshot, root, manifest }: OpenPoint, disk: Manifest['disks'][number]) {
  const form = manifest.transform === null ? 'raw' : 'frames';
  if (!/^[A-Za-z0-9._-]+$/u.test(disk.id) || disk.path !== `disks/${disk.id}/${diskFileName[form]}`) {
    throw new AppError('repositoryDamaged', `the manifest names a disk "${disk.id}" at "${disk.path}"`);
  }
  const path = `${root}/${disk.path}`;
  const content = await snapshot.fileContent(path);
  if (content.sizeBytes !== disk.sizeBytes || content.digest() !== disk.digest) {
    throw new AppError('repositoryDamaged', `disk ${disk.id} is not the one that the manifest describes`);
  }
  return { id: disk.id, path, sizeBytes: disk.sizeBytes, content };
}
